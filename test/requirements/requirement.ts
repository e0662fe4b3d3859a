/** A promised behaviour: where the promise stands, and what it says. */
export interface Requirement {
  source: string;
  behaviour: string;
}
