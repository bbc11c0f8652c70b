/** The answers of the server as pages see them: types that follow from the schemas of api/. */
import type * as api from '@village/api';
import type { Decoded } from './schema.ts';

export { DEVICE_STATES as STATES } from '@village/core/device';

export type Session = Decoded<typeof api.session.Session>;
export type User = Decoded<typeof api.users.User>;
export type Person = Decoded<typeof api.users.Person>;
export type Token = Decoded<typeof api.tokens.Token>;
export type AuditRow = Decoded<typeof api.audit.AuditRow>;
export type Area = Decoded<typeof api.areas.Area>;
export type AreaRef = Decoded<typeof api.shapes.AreaRef>;
export type Counts = Decoded<typeof api.shapes.Counts>;
export type Export = Decoded<typeof api.file.Export>;
export type ExportEstimate = Decoded<typeof api.file.ExportEstimate>;
export type Profile = Decoded<typeof api.devices.Profile>;
export type CheckedProfile = Decoded<typeof api.profiles.CheckedProfile>;
export type Frame = Decoded<typeof api.frames.Frame>;
export type Metric = Decoded<typeof api.devices.Metric>;
export type Value = Decoded<typeof api.devices.Value>;
export type Device = Decoded<typeof api.devices.Device>;
export type DeviceHistory = Decoded<typeof api.devices.History>;
export type DeviceClock = Decoded<typeof api.devices.DeviceClock>;
export type Refusal = Decoded<typeof api.devices.Refusal>;
export type DevicePage = Decoded<typeof api.devices.DevicePage>;
export type LatestChange = Decoded<typeof api.devices.Latest>;
export type Imported = Decoded<typeof api.shapes.Imported>;
export type Overview = Decoded<typeof api.live.Overview>;
export type ReadingRow = Decoded<typeof api.readings.RangeRow>;
export type AggregateRow = Decoded<typeof api.readings.Aggregates>['items'][number];
export type Completeness = Decoded<typeof api.readings.Completeness>;
export type Correction = Decoded<typeof api.corrections.Correction>;
export type CorrectionPreview = Decoded<typeof api.corrections.CorrectionPreview>;
export type QuarantineEntry = Decoded<typeof api.quarantine.QuarantineRow>;
export type System = Decoded<typeof api.system.System>;
export type FigureDefinition = Decoded<typeof api.figures.FigureDefinition>;
export type FigureItem = Decoded<typeof api.figures.FigureItem>;
export type ExplainedFigure = Decoded<typeof api.figures.ExplainedFigure>;
