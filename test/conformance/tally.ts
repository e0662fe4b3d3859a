/** One check of the suite, as it writes them into `checks.json`. */
export interface Check {
  id: string;
  status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO';
  errorMessage?: string;
}

/** What a revision asks for, as the suite's `requirements/<revision>.yaml` has it. */
export interface Requirements {
  server: readonly string[];
  not_scored: readonly { scenario: string; leg: string; reason: string }[];
}

export interface Tally {
  revision: string;
  scenarios: { passed: number; failed: number };
  checks: { passed: number; failed: number };
  /** One line for each thing that fails the run. */
  faults: readonly string[];
  /** What the suite runs beside what the revision requires, each with how it went; those of extensions cannot fail the run. */
  beside: readonly string[];
}

/**
 * What came of one run, scenario by scenario. A required scenario fails by a failed check, by a warning (a SHOULD that is not kept), and by not having been run: there is
 * no list of what may fail. Of what is not required only the optional extensions may fail.
 */
export function tallied(revision: string, { server, not_scored }: Requirements, results: ReadonlyMap<string, readonly Check[]>): Tally {
  const required = server.map((scenario) => ({ scenario, faults: faultsOf(scenario, results.get(scenario)) }));
  const checks = server.flatMap((scenario) => results.get(scenario) ?? []);
  const beside = not_scored
    .filter(({ leg }) => leg === 'server')
    .map(({ scenario, reason }) => ({
      scenario,
      reason,
      failed: (results.get(scenario) ?? []).filter(({ status }) => status === 'FAILURE'),
    }));
  const failedBeside = beside.filter(({ reason, failed }) => reason !== 'extension' && failed.length > 0);
  return {
    revision,
    scenarios: {
      passed: required.filter(({ faults }) => faults.length === 0).length,
      failed: required.filter(({ faults }) => faults.length > 0).length,
    },
    checks: { passed: checks.filter(({ status }) => status === 'SUCCESS').length, failed: checks.filter(isFault).length },
    faults: [
      ...required.flatMap(({ faults }) => faults),
      ...failedBeside.flatMap(({ scenario, failed }) => failed.map((check) => faultLine(scenario, check))),
    ],
    beside: beside.map(
      ({ scenario, reason, failed }) => `${scenario} (${reason}): ${failed.length === 0 ? 'passed' : `${failed.length} failed`}`,
    ),
  };
}

/** The last line of `npm run conformance`. */
export function formatTallies(tallies: readonly Tally[]): string {
  return tallies
    .map(
      ({ revision, scenarios, checks }) =>
        `${revision}: ${scenarios.passed} scenarios passed, ${scenarios.failed} failed, ${checks.passed} checks passed, ${checks.failed} failed`,
    )
    .join('; ');
}

function faultsOf(scenario: string, checks: readonly Check[] | undefined): string[] {
  if (!checks?.some(({ status }) => status === 'SUCCESS')) return [`${scenario}: nothing was checked`];
  return checks.filter(isFault).map((check) => faultLine(scenario, check));
}

function isFault({ status }: Check): boolean {
  return status === 'FAILURE' || status === 'WARNING';
}

function faultLine(scenario: string, { id, status, errorMessage = '' }: Check): string {
  return `${scenario}: ${id}: ${status} ${errorMessage}`.trimEnd();
}
