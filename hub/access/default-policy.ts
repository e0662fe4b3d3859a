import type { Policy } from './policy.ts';

/** What holds where hub.yaml names no `policy.yaml`. */
export const DEFAULT_POLICY: Policy = {
  version: 'built-in-1',
  roles: ['gateway', 'clinician', 'monitor', 'researcher', 'auditor', 'privacy', 'operator'],
  rules: [
    { id: 'gateways-write', effect: 'permit', roles: ['gateway'], actions: ['observations.write'] },
    {
      id: 'care-reads',
      effect: 'permit',
      roles: ['clinician', 'monitor'],
      actions: ['session.open', 'patients.list', 'vitals.read', 'vitals.subscribe'],
      purposes: ['TREAT', 'ETREAT', 'HOPERAT'],
    },
    {
      id: 'research-reads-masked',
      effect: 'permit',
      roles: ['researcher'],
      actions: ['session.open', 'patients.list', 'vitals.read', 'vitals.subscribe'],
      purposes: ['HRESCH'],
      mask: 'deidentified',
    },
    {
      id: 'auditors-read-evidence',
      effect: 'permit',
      roles: ['auditor'],
      actions: ['audit.read', 'audit.export', 'audit.verify', 'access.explain'],
    },
    {
      id: 'privacy-officers',
      effect: 'permit',
      roles: ['privacy'],
      actions: ['audit.read', 'patient.export', 'patient.erase', 'patient.hold'],
    },
    {
      id: 'operators-at-the-machine',
      effect: 'permit',
      roles: ['operator'],
      actions: [
        'patients.list',
        'vitals.read',
        'observations.export',
        'status.read',
        'store.backup',
        'store.restore',
        'store.rekey',
        'store.verify',
        'audit.read',
        'audit.export',
        'audit.verify',
        'audit.acknowledge',
        'patient.export',
        'patient.erase',
        'patient.hold',
        'patients.place',
        'readings.amend',
        'registry.change',
        'access.explain',
      ],
    },
  ],
};
