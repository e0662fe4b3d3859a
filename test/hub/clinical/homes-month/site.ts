// Who takes part: 18 homes with a gateway of their own, each with a story, and the flats of three houses, a gateway a house, where all goes well.

export const HOUSES = { a: flats(19, 29), b: flats(30, 40), c: flats(41, 50) } as const;
export type House = keyof typeof HOUSES;
export const HOMES = flats(1, 50);
export const READER = 'nurse-agent';
export const HUB_ZONE = 'Europe/Berlin';

function flats(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

export function two(number: number): string {
  return String(number).padStart(2, '0');
}

/** Opaque ids, as the registry has them: `home-0007`. */
export function patientOf(home: number): string {
  return `home-00${two(home)}`;
}

/** Who speaks for a home. */
export function gatewayOf(home: number): string {
  const house = (Object.keys(HOUSES) as House[]).find((name) => HOUSES[name].includes(home));
  return house ? `gw-house-${house}` : `gw-${two(home)}`;
}

/** Rows of registry.yaml by gateway. */
export function gatewayRows(): Map<string, string> {
  // The gateway of home 16 is to come.
  const own = flats(1, 18)
    .filter((home) => home !== 16)
    .map((home) => [gatewayOf(home), `patient: ${patientOf(home)}`] as const);
  const houses = (Object.keys(HOUSES) as House[]).map((house) => {
    const devices = HOUSES[house].map((flat) => `WS-${two(flat)}: ${patientOf(flat)}`);
    return [`gw-house-${house}`, `devices: { ${devices.join(', ')} }`] as const;
  });
  return new Map([...own, ...houses]);
}

/** Who weighs every morning: all but whoever has a ventilator or an oximeter alone. */
const WEIGHED = HOMES.filter((home) => ![9, 10].includes(home));

export function registryOf(rows: ReadonlyMap<string, string>): string {
  return `
gateways:
${[...rows].map(([identity, row]) => `  - { identity: ${identity}, tenant: county, ${row} }`).join('\n')}
clients:
  - { identity: ${READER}, tenant: county, kind: person, role: clinician, panels: [heart-failure, breathing] }
panels:
  heart-failure: { tenant: county, patients: [${WEIGHED.map(patientOf).join(', ')}] }
  breathing: { tenant: county, patients: [${[9, 10].map(patientOf).join(', ')}] }
`;
}

export const EXPECTED = `
version: home-2026-10
panels:
  heart-failure:
    weight: [{ window: '06:00-10:00', tolerance: 30m }]
patients:
  home-0004: { nibp: [{ window: '02:00-03:00', days: [sun] }] }
  home-0005: { nibp: [{ window: '02:00-03:00', days: [sun] }] }
  home-0006: { nibp: [{ window: '01:00-02:00', days: [sun] }] }
zones: { home-0005: Australia/Sydney, home-0006: America/New_York }
`;

export const LIMITS = `
version: county-2026-10
stale: {}
`;

export const SUPPORT = `
version: county-2026-10
news2: { applies: { patients: [home-0017] } }
weight:
  applies: { patients: [home-0017] }
  rules: [{ gainKg: 2, days: 3, source: 'Heart failure clinic, order 12' }]
baseline: { applies: { patients: [home-0017] }, days: 14, vitals: [weight] }
`;
