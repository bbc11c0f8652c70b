/** Shapes that the configuration and the drivers' parts of it are made of. */
import { parseDuration } from '@village/core';
import { z } from 'zod';

export const duration = (low: number, high: number) =>
  z
    .string()
    .transform(parseDuration)
    .refine(
      (ms) => ms >= low && ms <= high,
      `must be a duration such as 500ms, 10s or 5m, from ${low} ms to ${high} ms`,
    );
export const port = z.int().min(0).max(65_535);
