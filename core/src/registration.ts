/** The CSV files by which areas and devices are registered: what the server takes and others write. */

/** Columns of the file of areas; `aliases` are separated by `|`. */
export const AREA_COLUMNS = [
  'code',
  'level',
  'zh',
  'en',
  'parent',
  'aliases',
  'validFrom',
  'validTo',
] as const;

/** Columns of the file of devices; `options` is a JSON object. */
export const DEVICE_COLUMNS = [
  'id',
  'name',
  'profile',
  'area',
  'gateway',
  'address',
  'longitude',
  'latitude',
  'options',
  'secret',
] as const;

/** The word in the profile column that registers a gateway or network server instead of a device. */
export const GATEWAY_PROFILE = 'gateway';
