import assert from 'node:assert/strict';
import { test } from 'node:test';
import { verifies } from '../../requirements.ts';
import { MSH, mdsRow, message, OBR, oru, PID, read, readings, rejections, spo2, stored } from './oru.ts';

test('a second device under the same number of OBX-4 takes nothing from the first', () => {
  verifies('NOTHING-INVENTED');
  const bytes = oru(mdsRow('D1'), spo2('97'), 'OBR|2', spo2('96'), mdsRow('D2'), spo2('60'), mdsRow('D2'), spo2('61'));
  assert.deepEqual(
    stored(bytes).map((record) => (record as unknown[]).slice(2)),
    [
      ['D1', 97, 96],
      ['D2', 60, 61],
    ],
  );
});

test('a device that cannot be read is nobody else: its readings are kept apart', () => {
  verifies('NOTHING-INVENTED', 'NO-SILENT-DROP');
  for (const id of ['x'.repeat(80), 'DEV\x01B']) {
    const bytes = oru(spo2('97', { 18: id }), spo2('96'));
    assert.deepEqual(rejections(bytes, { deviceId: 'monitor-4' }), ['DECODE-FIELD OBX[1]']);
    assert.equal(readings(bytes, { deviceId: 'monitor-4' }).length, 1);
    const under = oru(mdsRow('D1'), spo2('97'), mdsRow(id), spo2('60'), spo2('61', { 18: 'D3' }));
    assert.deepEqual(rejections(under), ['DECODE-FIELD OBX[3]', 'DECODE-FIELD OBX[4]']);
    assert.deepEqual(
      stored(under).map((record) => (record as unknown[]).slice(2)),
      [
        ['D1', 97],
        ['D3', 61],
      ],
    );
  }
  assert.equal(read(oru(spo2('97', { 18: '""' })), { deviceId: 'monitor-4' }).records[0]?.device.id, 'monitor-4', 'a null names none');
});

test('which device: its own row by MDS, else OBX-18, else the configuration, else the sender, else the source', () => {
  const device = (rows: string[], context = {}, header = MSH) =>
    read(message(header, PID, OBR, ...rows), context).records.map((record) => record.device);
  const row = (mds: string, id: string): string => `OBX|1||69965^MDS^MDC|${mds}.0.0.0|||||||X|||||||${id}`;
  assert.deepEqual(device([row('1', 'D1'), row('2', '0123456789ABCDEF^EUI-64'), spo2('97'), spo2('96', { 4: '2.1.1.1' })]), [
    { id: 'D1', idType: 'serial' },
    { id: '0123456789ABCDEF', idType: 'eui64' },
  ]);
  assert.deepEqual(device([spo2('97', { 18: 'SN-5' })]), [{ id: 'SN-5', idType: 'serial' }]);
  assert.deepEqual(device([spo2('97')], { deviceId: 'monitor-4' }), [{ id: 'monitor-4', idType: 'config' }]);
  assert.deepEqual(device([spo2('97')]), [{ id: '00A037FFFE000001', idType: 'eui64' }]);
  assert.deepEqual(device([spo2('97')], {}, MSH.replace('MON^00A037FFFE000001^EUI-64', 'MON')), [{ id: 'line-1', idType: 'config' }]);
});

test('a device that the source does not list: nothing is taken, all of it is kept', () => {
  const { records, rejected } = read(oru(spo2('97')), { devices: ['OTHER'] });
  assert.deepEqual(records, []);
  assert.deepEqual(
    rejected.map(({ code, raw }) => [code, Buffer.from(raw ?? []).equals(oru(spo2('97')).subarray(0, -1))]),
    [['DECODE-DEVICE-UNKNOWN', true]],
  );
  assert.equal(read(oru(spo2('97')), { devices: ['00A037FFFE000001'] }).records.length, 1);
  assert.equal(read(oru(spo2('97')), { devices: ['MON'] }).records.length, 1);
});
