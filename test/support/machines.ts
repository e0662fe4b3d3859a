import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';

/** Three machines of a test: the network's, a gateway and a hospital's. */
export type Machine = 'network' | 'gateway' | 'hospital';

/** Also the names of the lines to the network's machine. */
const AROUND = ['gateway', 'hospital'] as const;
export type Line = (typeof AROUND)[number];

/** Of the machines around, what else is on their own loopback: there is nothing else. */
export const OWN_PORT = 4001;

// The embedded network listens on 127.0.0.1 and says so to everybody: each machine's way to it is translated (DNAT) at both ends of its line, ports as they
// are. The keepers hold their namespaces for as long as their standard input is open.
const KEEPER = `
exec 3<&0
cut() { nft 'add table inet cut; add chain inet cut in { type filter hook input priority 0; }'; }
around() {
  ip link set lo up
  ip addr add "$1.2/24" dev eth0
  ip link set eth0 up
  echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet
  nft "add table ip way; add chain ip way out { type nat hook output priority -100; }; add chain ip way post { type nat hook postrouting priority 100; }"
  cut
  nft "add rule ip way out ip daddr 127.0.0.1 tcp dport != ${OWN_PORT} dnat to $1.1; add rule ip way post oifname eth0 masquerade"
}
if [ "$1" = around ]; then around "$2"; exit; fi
ip link set lo up
echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet
nft 'add table ip way; add chain ip way in { type nat hook prerouting priority -100; }'
own=$(readlink /proc/self/ns/net)
i=0
for machine in gateway hospital; do
  i=$((i + 1))
  unshare -n cat <&3 >/dev/null &
  keeper=$!
  until [ "$(readlink /proc/$keeper/ns/net)" != "$own" ]; do sleep 0.01; done
  ip link add name "$machine" type veth peer name eth0 netns "$keeper"
  ip addr add "10.77.$i.1/24" dev "$machine"
  ip link set "$machine" up
  nft "add rule ip way in iifname $machine ip daddr 10.77.$i.1 tcp dport 1-65535 dnat to 127.0.0.1"
  nsenter -t "$keeper" -n sh -ec "$0" sh around "10.77.$i"
  echo "$machine $keeper"
done
cut
echo ready
exec cat
`;

/** What is dropped where it arrives, so that its sender cannot know: at the network's machine, and at the one around. */
const DROPS = {
  /** Nothing comes through. */
  dropped: { network: 'counter drop', around: 'counter drop' },
  /** What the network's machine says gets lost, what it is told does not: answers, above all. */
  'one way': { around: 'counter drop' },
  /** One packet in four gets lost, each way. */
  lossy: { network: 'numgen random mod 4 == 0 counter drop', around: 'numgen random mod 4 == 0 counter drop' },
} as const satisfies Record<string, { network?: string; around?: string }>;

/** What happens to a line; `cable`: it is pulled out at the network's machine. */
export type LineFault = keyof typeof DROPS | 'cable';
export const LINE_FAULTS: readonly LineFault[] = ['dropped', 'cable', 'one way', 'lossy'];

/**
 * Machines in network namespaces of their own (util-linux, iproute2, nftables), each joined to the network's by a line (veth) that can be cut for real: the
 * kernel's TCP on both ends knows of nothing, and sends again. Needs no rights.
 */
export class Machines implements AsyncDisposable {
  readonly #keeper: ChildProcess;
  readonly #pids: Record<Machine, number>;

  private constructor(keeper: ChildProcess, pids: Record<Machine, number>) {
    this.#keeper = keeper;
    this.#pids = pids;
  }

  static async start(): Promise<Machines> {
    const keeper = spawn('unshare', ['-rn', 'sh', '-ec', KEEPER, KEEPER], { stdio: ['pipe', 'pipe', 'inherit'] });
    let said = '';
    for await (const chunk of keeper.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
      said += String(chunk);
      if (said.endsWith('ready\n')) break;
    }
    const pidOf = (machine: Line): number => Number(new RegExp(`^${machine} (\\d+)$`, 'm').exec(said)?.[1]);
    const pids = { network: keeper.pid ?? 0, gateway: pidOf('gateway'), hospital: pidOf('hospital') };
    if (!Object.values(pids).every((pid) => pid > 0)) throw new Error(`no network namespaces: ${said}`);
    return new Machines(keeper, pids);
  }

  /** What a program on this machine must be run through. */
  through(machine: Machine): readonly string[] {
    return ['nsenter', '-t', `${this.#pids[machine]}`, '-U', '-n', '--preserve-credentials'];
  }

  /** Begins a fault of a line; what it gives ends it, and says how many packets it met. */
  cut(line: Line, fault: LineFault): () => number {
    if (fault === 'cable') {
      this.#run('network', 'ip', 'link', 'set', line, 'down');
      return () => {
        this.#run('network', 'ip', 'link', 'set', line, 'up');
        return 0;
      };
    }
    const { network, around }: { network?: string; around?: string } = DROPS[fault];
    const rules: [Machine, string][] = [];
    if (network !== undefined) rules.push(['network', `iifname ${line} ${network}`]);
    if (around !== undefined) rules.push([line, `iifname eth0 ${around}`]);
    for (const [machine, rule] of rules) this.#run(machine, 'nft', `add rule inet cut in ${rule}`);
    return () =>
      rules.reduce((sum, [machine]) => {
        const said = this.#run(machine, 'nft', 'list chain inet cut in; flush chain inet cut in');
        return sum + Number(/packets (\d+)/.exec(said)?.[1]);
      }, 0);
  }

  /** How many segments of TCP this machine has sent again so far (RFC 4022, tcpRetransSegs). */
  sentAgain(machine: Machine): number {
    const [names = '', values = ''] = readFileSync(`/proc/${this.#pids[machine]}/net/snmp`, 'utf8').match(/^Tcp: .*$/gm) ?? [];
    return Number(values.split(' ')[names.split(' ').indexOf('RetransSegs')]);
  }

  #run(machine: Machine, ...command: string[]): string {
    const [enter = '', ...args] = this.through(machine);
    return execFileSync(enter, [...args, ...command], { encoding: 'utf8' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#keeper, 'close');
    this.#keeper.stdin?.end();
    await closed;
  }
}
