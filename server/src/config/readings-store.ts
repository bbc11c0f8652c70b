/** Opens the store of readings that the configuration names. */
import { join } from 'node:path';
import type { Timer } from '@village/core';
import {
  openInfluxArchive,
  openTimeSeries,
  type TimeSeriesOptions,
  type TimeSeriesStore,
} from '@village/store/time-series';
import type { Config } from './config.ts';
import { storeFault } from './faults-at-start.ts';

const MEGABYTE = 1024 * 1024;

/** The options that follow from the configuration. */
function optionsOf(config: Config): Omit<TimeSeriesOptions, 'timer'> {
  const { sealEvery, memoryMegabytes, diskReserveMegabytes } = config.store;
  const { journalMegabytes, spillMegabytes, framesPerDeviceMegabytes } = config.store;
  const { timeSeries, influxPassword } = config;
  return {
    folder: join(config.data, 'time-series'),
    memoryLimitMb: memoryMegabytes,
    flushEveryMs: sealEvery,
    spillLimitMb: spillMegabytes,
    journalBytesMax: journalMegabytes * MEGABYTE,
    frameBytesPerDay: framesPerDeviceMegabytes * MEGABYTE,
    diskReserveBytes: diskReserveMegabytes * MEGABYTE,
    ...(timeSeries.engine === 'embedded'
      ? {}
      : {
          archive: async () =>
            openInfluxArchive({
              ...timeSeries,
              ...(influxPassword === undefined ? {} : { password: influxPassword }),
            }),
        }),
  };
}

/** @throws store-in-use, store-damaged, other-archive */
export async function openReadings(
  config: Config,
  timer: Timer,
  more: Pick<TimeSeriesOptions, 'log' | 'mayStamp' | 'tickMs'>,
): Promise<TimeSeriesStore> {
  return openTimeSeries({ ...optionsOf(config), ...more, timer }).catch((error: unknown) => {
    throw storeFault(config.data, error);
  });
}
