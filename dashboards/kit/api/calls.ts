/**
 * The calls that pages make, by the endpoints of api/. The build puts the source of each in place of this module
 * (`dashboards/calls-plugin.ts`), so that no schema and nothing of TypeBox reaches the browser.
 */
import * as api from '@village/api';
import { callOf, decoderOf } from './schema.ts';

export const { QUARANTINE_STATES } = api.quarantine;
export const { ROLES } = api.rights;
export const { STATES: USER_STATES } = api.users;
export const { OUTCOMES: AUDIT_OUTCOMES } = api.audit;
export const { KINDS: CORRECTION_KINDS, STATES: CORRECTION_STATES } = api.corrections;

export const signIn = callOf(api.session.signIn);
export const session = callOf(api.session.get);
export const signOut = callOf(api.session.signOut);
export const changePassword = callOf(api.session.changePassword);
export const users = callOf(api.users.list);
export const saveUser = callOf(api.users.save);
export const removeUser = callOf(api.users.remove);
export const rights = callOf(api.rights.list);
export const tokens = callOf(api.tokens.list);
export const createToken = callOf(api.tokens.create);
export const removeToken = callOf(api.tokens.remove);
export const audit = callOf(api.audit.list);
export const area = callOf(api.areas.get);
export const areas = callOf(api.areas.list);
export const areaGeometry = callOf(api.map.geometry);
export const mapDevices = callOf(api.map.devices);
export const importAreas = callOf(api.areas.importFile);
export const importDevices = callOf(api.devices.importFile);
export const checkProfile = callOf(api.profiles.check);
export const profiles = callOf(api.devices.profiles);
export const device = callOf(api.devices.get);
export const deviceHistory = callOf(api.devices.history);
export const replaceDevice = callOf(api.devices.replace);
export const releaseClientId = callOf(api.clientIds.release);
export const setDeviceClock = callOf(api.devices.setClock);
export const profileForms = callOf(api.registration.profileForms);
export const addDevice = callOf(api.registration.addDevice);
export const deviceRegistration = callOf(api.registration.deviceRegistration);
export const renewDeviceSecret = callOf(api.registration.renewDeviceSecret);
export const changeDevice = callOf(api.registration.changeDevice);
export const retireDevice = callOf(api.devices.retire);
export const addGateway = callOf(api.registration.addGateway);
export const changeGateway = callOf(api.registration.changeGateway);
export const gatewayRegistration = callOf(api.registration.gatewayRegistration);
export const addArea = callOf(api.registration.addArea);
export const changeArea = callOf(api.registration.changeArea);
export const areaRegistration = callOf(api.registration.areaRegistration);
export const gateways = callOf(api.registration.gateways);
export const renewGatewaySecret = callOf(api.registration.renewGatewaySecret);
export const devices = callOf(api.devices.list);
export const overview = callOf(api.live.overview);
export const readings = callOf(api.readings.range);
export const frames = callOf(api.frames.list);
export const aggregates = callOf(api.readings.aggregates);
export const completeness = callOf(api.readings.completeness);
export const figuresOf = callOf(api.figures.list);
export const figures = callOf(api.figures.values);
export const explainFigure = callOf(api.figures.explain);
export const events = callOf(api.events.list);
export const exportReadings = callOf(api.file.exportReadings);
export const estimateExport = callOf(api.file.estimate);
export const startExport = callOf(api.file.start);
export const exports = callOf(api.file.list);
export const removeExport = callOf(api.file.remove);
export const exportedFile = callOf(api.file.fetchFile);
export const corrections = callOf(api.corrections.list);
export const proposeCorrection = callOf(api.corrections.propose);
export const previewCorrection = callOf(api.corrections.preview);
export const approveCorrection = callOf(api.corrections.approve);
export const undoCorrection = callOf(api.corrections.undo);
export const quarantine = callOf(api.quarantine.list);
export const quarantineEntry = callOf(api.quarantine.get);
export const rerun = callOf(api.quarantine.rerun);
export const system = callOf(api.system.get);
export const backup = callOf(api.system.backup);
export const backups = callOf(api.system.backups);
export const configuration = callOf(api.system.configuration);
export const jobs = callOf(api.jobs.list);

/** The stream of live events, and what each event carries. */
export const live = callOf(api.live.follow);
export const liveCounts = decoderOf(api.live.follow.stream.counts);
export const liveCorrected = decoderOf(api.live.follow.stream.corrected);
export const liveLatest = decoderOf(api.live.follow.stream.latest);
