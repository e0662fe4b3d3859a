import { STRETCHES_STEP } from '../stretches.ts';
import { FEED_STEP, feedGrantsTo, RECEIVERS_STEP } from './audit-feed.ts';
import { SCHEMA } from './connections.ts';
import { EVENT_TOLD_STEP, eventToldGrantsTo } from './event-told.ts';
import { EVIDENCE_RETENTION_STEP, evidenceRetentionGrantsTo } from './evidence-retention.ts';
import { OWN_TENANT, secured } from './own-tenant.ts';
import { AMEND_STEP, amendGrantsTo, MEANT_STEP, MERGED_STEP } from './schema-amend.ts';
import { ERASING_STEP, erasingGrantsTo, HELD_STEP } from './schema-erasing.ts';
import { EVIDENCE_STEP, evidenceGrantsTo } from './schema-evidence.ts';
import { IDENTITY_STEP } from './schema-identity.ts';
import { MOVED_TYPE_STEP, MOVES_STEP, PLACING_STEP, placingGrantsTo } from './schema-placing.ts';
import { PRELIMINARY_STEP, preliminaryGrantsTo } from './schema-preliminary.ts';
import { PROOF_STEP, proofGrantsTo, SHOWN_STEP } from './schema-proof.ts';
import { WEEKS_STEP, weeksGrantsTo } from './schema-weeks.ts';
import { SERVED_STEP, servedGrantsTo } from './served-tools.ts';
import { USAGE_STEP, usageGrantsTo } from './usage.ts';
import { WEEK_MS } from './week.ts';

/** How many weeks before a store was made have partitions of their own; what is older shares one. */
const WEEKS_BEFORE = 8;

/** Tables of which each row is of one tenant: shown and taken only in a transaction that said which. */
const OF_A_TENANT = [
  'patient',
  'batch',
  'packed',
  'observation',
  'revision',
  'latest',
  'event',
  'quarantine',
  'total',
  'binding',
  'rollup',
  'retained',
  'kept_back',
] as const;

/**
 * Schema of the hub's store in PostgreSQL; steps are never changed after a release. One that changes rows takes FORCE off for its length: it
 * is run by the owner, who is shown none either. What the SQLite schema says of its tables holds here,
 * too; the names are the same, in lower case with underscores. Whoever writes holds the one row of `head`, so that keys, positions
 * and the chain of evidence are in order of commit, whichever hub commits.
 */
export const POSTGRES_MIGRATIONS: readonly string[] = [
  `
-- version: how many steps were taken. lineage_mark: of which server, database and start the present epoch is. position: number of the last
-- entry of evidence, as audit_hash is its hash. The others: last keys that were given.
CREATE TABLE head (
  one boolean PRIMARY KEY CHECK (one),
  store_id text NOT NULL,
  version int NOT NULL,
  epoch text COLLATE "C" NOT NULL,
  lineage_mark text NOT NULL,
  position bigint NOT NULL,
  audit_hash bytea NOT NULL,
  last_batch bigint NOT NULL,
  last_observation bigint NOT NULL,
  last_event bigint NOT NULL
) WITH (fillfactor = 10);
CREATE TABLE lineage (key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, epoch text NOT NULL UNIQUE, since bigint NOT NULL);
CREATE INDEX lineage_since ON lineage (since);

-- When no binding is known: the data were found put back to what they held at start; until the registry was next read (NULL: not yet).
CREATE TABLE unknown_binding (key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, start bigint NOT NULL, found bigint NOT NULL, until bigint);

-- Names alone, so that a hub can go through its tenants. stored: whether anything was stored or refused of it.
CREATE TABLE tenant (id text COLLATE "C" PRIMARY KEY, stored boolean NOT NULL);

CREATE TABLE patient (
  key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  last_stored_at bigint,
  UNIQUE (tenant, id)
);

-- rows: how many of its observations are kept. vitals: of the observations in it, JSON. gone: the rows of latest that it took away, JSON. position: of the
-- commit. hub: the process that stored it.
CREATE TABLE batch (
  key bigint PRIMARY KEY,
  position bigint NOT NULL,
  patient bigint NOT NULL,
  stored_at bigint NOT NULL,
  sent_at bigint,
  first_key bigint NOT NULL,
  last_key bigint NOT NULL,
  rows int NOT NULL,
  tenant text COLLATE "C" NOT NULL,
  gateway text NOT NULL,
  hub text NOT NULL,
  vitals text NOT NULL,
  gone text
);
CREATE INDEX batch_time ON batch (tenant, stored_at, first_key, rows);
CREATE INDEX batch_tenant ON batch (tenant, key);
CREATE INDEX batch_position ON batch (tenant, position);

-- The resources of a batch as the gateway sent them, zstd. They say whose the sender thinks they are.
CREATE TABLE packed (
  batch bigint NOT NULL,
  stored_at bigint NOT NULL,
  tenant text COLLATE "C" NOT NULL,
  received bytea NOT NULL,
  PRIMARY KEY (batch, stored_at)
) PARTITION BY RANGE (stored_at);
ALTER TABLE packed ALTER received SET STORAGE EXTERNAL;

-- In order of storing. standing: as in SQLite.
CREATE TABLE observation (
  key bigint NOT NULL,
  batch bigint NOT NULL,
  patient bigint NOT NULL,
  writer bigint NOT NULL,
  seq bigint NOT NULL,
  stored_at bigint NOT NULL,
  effective bigint NOT NULL,
  received_at bigint NOT NULL,
  sort_time bigint NOT NULL,
  fresh_at bigint NOT NULL,
  value double precision,
  part int NOT NULL,
  offset_min int NOT NULL,
  standing smallint NOT NULL,
  test boolean NOT NULL,
  tenant text COLLATE "C" NOT NULL,
  vital text COLLATE "C" NOT NULL,
  device text COLLATE "C" NOT NULL,
  unit text NOT NULL,
  place text NOT NULL,
  absent text,
  components text,
  flags text,
  PRIMARY KEY (key, sort_time)
) PARTITION BY RANGE (sort_time);
CREATE INDEX observation_series ON observation (patient, vital, device, standing, test, sort_time DESC, key DESC) INCLUDE (value, flags);
CREATE INDEX observation_set_aside ON observation (patient, vital, device, effective) WHERE effective <> sort_time;

-- What takes an observation back or corrects it, so that one that was sent before it is known when it comes later.
CREATE TABLE revision (
  patient bigint NOT NULL,
  writer bigint NOT NULL,
  seq bigint NOT NULL,
  effective bigint NOT NULL,
  part int NOT NULL,
  test boolean NOT NULL,
  tenant text COLLATE "C" NOT NULL,
  vital text COLLATE "C" NOT NULL,
  device text COLLATE "C" NOT NULL,
  PRIMARY KEY (patient, vital, device, test, effective, writer, seq, part)
);

CREATE TABLE latest (
  patient bigint NOT NULL,
  sort_time bigint NOT NULL,
  stored_at bigint NOT NULL,
  observation bigint NOT NULL,
  fresh_at bigint NOT NULL,
  test boolean NOT NULL,
  tenant text COLLATE "C" NOT NULL,
  vital text COLLATE "C" NOT NULL,
  device text COLLATE "C" NOT NULL,
  place text NOT NULL,
  PRIMARY KEY (patient, vital, device)
) WITH (fillfactor = 70);
CREATE INDEX latest_tenant ON latest (tenant);

-- until: the end of a gap.
CREATE TABLE event (
  key bigint NOT NULL,
  writer bigint NOT NULL,
  seq bigint NOT NULL,
  effective bigint NOT NULL,
  received_at bigint NOT NULL,
  sort_time bigint NOT NULL,
  stored_at bigint NOT NULL,
  until bigint,
  part int NOT NULL,
  offset_min int NOT NULL,
  test boolean NOT NULL,
  kind text COLLATE "C" NOT NULL,
  tenant text COLLATE "C" NOT NULL,
  gateway text NOT NULL,
  patient text COLLATE "C",
  device text COLLATE "C" NOT NULL,
  received bytea NOT NULL,
  PRIMARY KEY (key, sort_time)
) PARTITION BY RANGE (sort_time);
ALTER TABLE event ALTER received SET STORAGE EXTERNAL;
CREATE INDEX event_time ON event (tenant, kind, sort_time);
CREATE INDEX event_patient ON event (tenant, patient, kind, sort_time) WHERE patient IS NOT NULL;
CREATE INDEX event_kind ON event (tenant, kind, key);
CREATE INDEX event_device ON event (tenant, gateway, device, sort_time, key) WHERE kind = 'device';
CREATE INDEX event_gap ON event (tenant, patient, until, sort_time) WHERE kind = 'gap';

CREATE TABLE writer (key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, agent text NOT NULL, epoch text NOT NULL, UNIQUE (agent, epoch));
-- The greatest time of receipt of what was removed of a writer; null while nothing was. What was received later is not what was removed.
ALTER TABLE writer ADD COLUMN removed_up_to bigint;
CREATE TABLE seen (
  writer bigint NOT NULL,
  seq bigint NOT NULL,
  part int NOT NULL,
  hash bytea NOT NULL,
  PRIMARY KEY (writer, seq, part)
);

-- Ids that were stored and whose rows were removed: in each row from first to last the same parts.
CREATE TABLE seen_range (
  writer bigint NOT NULL,
  first bigint NOT NULL,
  last bigint NOT NULL,
  parts int4multirange NOT NULL,
  PRIMARY KEY (writer, first)
);

CREATE TABLE quarantine (
  key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at bigint NOT NULL,
  tenant text COLLATE "C" NOT NULL,
  gateway text NOT NULL,
  id text NOT NULL,
  code text NOT NULL,
  rule text NOT NULL,
  hash bytea NOT NULL,
  received text NOT NULL,
  bytes bigint GENERATED ALWAYS AS (octet_length(received)) STORED,
  UNIQUE (tenant, gateway, hash, code)
);
CREATE INDEX quarantine_tenant ON quarantine (tenant, key);
CREATE INDEX quarantine_gateway ON quarantine (tenant, gateway, key) INCLUDE (bytes);

-- What remains of observations that were removed, by the minute or the hour (width, in milliseconds). part: of a panel, else ''.
CREATE TABLE rollup (
  patient bigint NOT NULL,
  start bigint NOT NULL,
  width bigint NOT NULL,
  n bigint NOT NULL,
  least double precision,
  greatest double precision,
  sum double precision NOT NULL,
  last double precision,
  first_at bigint,
  last_at bigint,
  covered_ms bigint NOT NULL,
  absent bigint NOT NULL,
  withdrawn bigint NOT NULL,
  undated bigint NOT NULL,
  doubtful bigint NOT NULL,
  test boolean NOT NULL,
  tenant text COLLATE "C" NOT NULL,
  vital text COLLATE "C" NOT NULL,
  device text COLLATE "C" NOT NULL,
  part text COLLATE "C" NOT NULL,
  flags text,
  PRIMARY KEY (patient, vital, device, part, test, start, width)
);
CREATE INDEX rollup_age ON rollup (tenant, width, start);

-- How far the retention has come in each class (a key), and what is due but still the current one.
CREATE TABLE retained (tenant text COLLATE "C" NOT NULL, class text COLLATE "C" NOT NULL, up_to bigint NOT NULL, PRIMARY KEY (tenant, class));
CREATE TABLE kept_back (
  observation bigint PRIMARY KEY,
  sort_time bigint NOT NULL,
  batch bigint NOT NULL,
  tenant text COLLATE "C" NOT NULL
);
CREATE INDEX kept_back_tenant ON kept_back (tenant, observation);

CREATE TABLE total (
  tenant text COLLATE "C" PRIMARY KEY,
  observations bigint NOT NULL,
  events bigint NOT NULL,
  duplicates bigint NOT NULL,
  quarantined bigint NOT NULL
) WITH (fillfactor = 10);

CREATE TABLE binding (
  gateway text NOT NULL,
  kind text NOT NULL,
  name text NOT NULL,
  tenant text COLLATE "C" NOT NULL,
  patient text,
  since bigint NOT NULL,
  PRIMARY KEY (gateway, kind, name)
);

CREATE TABLE audit (
  seq bigint PRIMARY KEY,
  tenant text COLLATE "C" NOT NULL,
  entry text NOT NULL,
  hash bytea NOT NULL
);
CREATE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN RAISE EXCEPTION 'the evidence is append-only'; END $$;
CREATE TRIGGER audit_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_only_grows();

${secured(OF_A_TENANT, `CREATE POLICY own_tenant ON $ USING (${OWN_TENANT}) WITH CHECK (${OWN_TENANT});`)}
-- The chain is one for all tenants: entries of each are added in one commit, and it is verified as a whole by whoever says so.
${secured(
  ['audit'],
  `CREATE POLICY readable ON $ FOR SELECT USING (${OWN_TENANT} OR current_setting('vitalmesh.evidence', true) = 'all');
CREATE POLICY grows ON $ FOR INSERT WITH CHECK (true);`,
)}

-- The hub's role owns nothing, so partitions are made for it. Attached as it is, a table is no obstacle to readers and writers of the others.
CREATE FUNCTION make_week(week bigint) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = ${SCHEMA}, pg_temp AS $$
DECLARE
  parent text;
  part text;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('vitalmesh.make_week'));
  FOREACH parent IN ARRAY ARRAY['observation', 'packed', 'event'] LOOP
    part := format('%s_%s', parent, week);
    IF week >= (SELECT first_week FROM weeks) AND to_regclass(part) IS NULL THEN
      EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', part, parent);
      EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', parent, part, week * ${WEEK_MS}, (week + 1) * ${WEEK_MS});
    END IF;
  END LOOP;
END $$;
CREATE TABLE weeks AS SELECT floor(extract(epoch FROM now()) * 1000 / ${WEEK_MS})::bigint - ${WEEKS_BEFORE} AS first_week;
DO $$
DECLARE
  parent text;
BEGIN
  FOREACH parent IN ARRAY ARRAY['observation', 'packed', 'event'] LOOP
    EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (MINVALUE) TO (%s)', parent || '_before', parent,
      (SELECT first_week * ${WEEK_MS} FROM weeks));
  END LOOP;
END $$;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ${SCHEMA} FROM PUBLIC;
`,
  EVIDENCE_STEP,
  PRELIMINARY_STEP,
  WEEKS_STEP,
  USAGE_STEP,
  FEED_STEP,
  PROOF_STEP,
  EVIDENCE_RETENTION_STEP,
  ERASING_STEP,
  RECEIVERS_STEP,
  HELD_STEP,
  SHOWN_STEP,
  PLACING_STEP,
  MOVES_STEP,
  AMEND_STEP,
  IDENTITY_STEP,
  MERGED_STEP,
  SERVED_STEP,
  EVENT_TOLD_STEP,
  STRETCHES_STEP,
  MOVED_TYPE_STEP,
  MEANT_STEP,
];

/** What the hub's role may do; given anew after every step, so that new tables are in it. `role` is an identifier, quoted. */
export function grantsTo(role: string): string {
  return `
GRANT USAGE ON SCHEMA ${SCHEMA} TO ${role};
GRANT SELECT, INSERT, UPDATE, DELETE ON ${OF_A_TENANT.join(', ')}, writer, seen, seen_range, tenant, lineage, unknown_binding TO ${role};
GRANT SELECT, UPDATE ON head TO ${role};
GRANT SELECT ON weeks TO ${role};
GRANT SELECT, INSERT ON audit TO ${role};${evidenceGrantsTo(role)}${preliminaryGrantsTo(role)}${weeksGrantsTo(role)}${usageGrantsTo(role)}${feedGrantsTo(role)}${proofGrantsTo(role)}${evidenceRetentionGrantsTo(role)}${erasingGrantsTo(role)}${placingGrantsTo(role)}${amendGrantsTo(role)}${servedGrantsTo(role)}${eventToldGrantsTo(role)}
GRANT EXECUTE ON FUNCTION make_week(bigint) TO ${role};`;
}
