import { followingProperty } from '../../contract/following.ts';
import { testHub } from '../../support/hub.ts';

followingProperty('a hub', Number(process.env.VITALMESH_PLACING_RUNS ?? 12), async (of) => [testHub(of)]);
