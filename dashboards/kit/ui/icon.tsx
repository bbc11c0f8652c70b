/** The console's icons: 24-unit line drawings, always beside a word or with a label of their own. */
const paths = {
  home: 'M3 11l9-7 9 7M5 9.5V20h5v-6h4v6h5V9.5',
  list: 'M8 6h13M8 12h13M8 18h13M3.5 6h.01M3.5 12h.01M3.5 18h.01',
  inbox: 'M3 13l3-8h12l3 8v6H3zM3 13h5l1.5 3h5L16 13h5',
  system: 'M4 5h16v6H4zM4 13h16v6H4zM8 8h.01M8 16h.01',
  settings: 'M4 7h10M18 7h2M4 17h2M10 17h10M16 4.5v5M8 14.5v5',
  online: 'M12 3a9 9 0 100 18 9 9 0 000-18M8 12.5l2.7 2.7L16 9.5',
  late: 'M12 3a9 9 0 100 18 9 9 0 000-18M12 7v5.5l3.5 2',
  offline: 'M12 3a9 9 0 100 18 9 9 0 000-18M9 9l6 6M15 9l-6 6',
  never: 'M12 3a9 9 0 100 18 9 9 0 000-18M8 12h8',
  search: 'M11 4a7 7 0 100 14 7 7 0 000-14M16 16l5 5',
  more: 'M5 12h.01M12 12h.01M19 12h.01',
  right: 'M9 5l7 7-7 7',
  down: 'M5 9l7 7 7-7',
  up: 'M5 15l7-7 7 7',
  download: 'M12 4v11M7 10.5l5 5 5-5M4 20h16',
  warning: 'M12 4l9.5 16h-19zM12 10v4.5M12 17.3h.01',
  lock: 'M6 11h12v9H6zM8.5 11V8a3.5 3.5 0 017 0v3',
  empty: 'M4 8l8-4 8 4v8l-8 4-8-4zM4 8l8 4 8-4M12 12v8',
  rising: 'M5 17L17 7M9 7h8v8',
  falling: 'M5 7l12 10M17 9v8H9',
  flat: 'M4 12h16M15 7l5 5-5 5',
  table: 'M3 5h18v14H3zM3 10h18M9 5v14',
  chart: 'M3 20h18M5 15l4-5 4 3 6-8',
  refresh: 'M20 11a8 8 0 10-2.3 6.2M20 4.5V11h-6.5',
  signout: 'M14 4h5v16h-5M10 8l-4 4 4 4M6 12h9',
  pulse: 'M3 12h4l3-7 4 14 3-7h4',
  columns: 'M4 5h16v14H4zM10 5v14M15 5v14',
} as const;

/** Name of an icon. */
export type IconName = keyof typeof paths;
/** A drawing of one's own in the same manner, as the data of an SVG path. */
export type IconPath = `M${string}`;

const isName = (icon: string): icon is IconName => Object.hasOwn(paths, icon);

/** A decoration for the word beside it: hidden from screen readers. */
export function Icon({ name, size = 16 }: { name: IconName | IconPath; size?: number }) {
  return (
    <svg
      class="icon"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      aria-hidden="true"
      focusable="false"
    >
      <path d={isName(name) ? paths[name] : name} />
    </svg>
  );
}
