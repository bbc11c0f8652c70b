/** What people and machines may do, from most to least. */

/** Admins change things, officers import readings and re-run quarantine, clerks look. */
export const ROLES = ['admin', 'officer', 'clerk'] as const;
export type Role = (typeof ROLES)[number];
