import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { type ErrorCode, VitalmeshError } from '../../../shared/errors.ts';
import type { IdentityFile } from '../../../shared/identity/identity.ts';
import type { EnrollOptions } from '../../../shared/overlay/ziti/enroll/contract.ts';
import { enroll } from '../../../shared/overlay/ziti/enroll/enroll.ts';
import { EnrollingController, SECRET, type ServerOptions } from './enrolling-controller.ts';

/** A controller, and a machine with an empty folder that wants to enrol there. */
export class EnrollingSite implements AsyncDisposable {
  readonly controller: EnrollingController;
  readonly folder = mkdtempSync(join(tmpdir(), 'vitalmesh-enroll-'));
  readonly identityPath = join(this.folder, 'gw1.json');
  readonly keyPath = `${this.identityPath}.key`;

  private constructor(controller: EnrollingController) {
    this.controller = controller;
  }

  static async open(options: ServerOptions = {}): Promise<EnrollingSite> {
    return new EnrollingSite(await EnrollingController.start(options));
  }

  enroll(options: Partial<EnrollOptions> = {}): Promise<IdentityFile> {
    return enroll({ token: this.controller.token(), identityPath: this.identityPath, now: Date.now, ...options });
  }

  /** Enrols and expects a coded error, in which nothing of the token's secret or of a key stands. */
  async refuses(options: Partial<EnrollOptions>, code: ErrorCode, detail?: RegExp): Promise<VitalmeshError> {
    const error = await this.enroll(options).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof VitalmeshError, inspect(error));
    assert.equal(error.code, code, error.message);
    if (detail) assert.match(error.detail ?? '', detail);
    const shown = inspect(error, { depth: 10 });
    assert.ok(!shown.includes(SECRET) && !shown.includes('PRIVATE KEY'), shown);
    return error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.controller[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
