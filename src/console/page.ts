/** `GET /`: one plain page that says what runs. Works without scripts; everything that is not ours is escaped. */
import { shellWord } from '../kit/shell-word.ts';

export interface PageListener {
  readonly protocol: string;
  readonly port: number;
  readonly instanceProtocol: string;
  readonly instancePort: number;
  /** Why the port is not served; undefined while it is. */
  readonly failure: string | undefined;
  /** The security policy; undefined without TLS. */
  readonly policy: string | undefined;
  /** Protocols and ciphers that it lists and that cannot be offered, each with the reason. */
  readonly notOffered: readonly string[];
}

/** One health check that was made. */
export interface PageCheck {
  /** ISO 8601, UTC: when it ended. */
  readonly time: string;
  readonly good: boolean;
  /** In a few words: `status 200`, `connection refused`, `timeout while connecting` … */
  readonly cause: string;
  readonly milliseconds: number;
}

export interface PageInstance {
  readonly instanceId: string;
  readonly zone: string;
  readonly state: string;
  readonly description: string;
  /** The last ones, newest first. */
  readonly checks: readonly PageCheck[];
}

export interface PageLoadBalancer {
  readonly name: string;
  readonly account: string;
  readonly region: string;
  readonly dnsName: string;
  readonly address: string;
  readonly listeners: readonly PageListener[];
  readonly instances: readonly PageInstance[];
}

export interface PageInput {
  readonly version: string;
  /** `starting`, `ready` or `draining`. */
  readonly status: string;
  readonly revision: number;
  /** `http://127.0.0.1:7600`. */
  readonly endpoint: string;
  /** Path of the shared-credentials file; undefined when the API asks for no signature. */
  readonly credentialsFile: string | undefined;
  /** Path of the README, which leads to the rest. */
  readonly documentation: string;
  readonly region: string;
  readonly loadBalancers: readonly PageLoadBalancer[];
}

const STYLE = `
  body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #1a1a1a; }
  h1, h2 { font-weight: 600; } h2 { margin: 2rem 0 0; } p { margin: .25rem 0; }
  table { border-collapse: collapse; margin: .75rem 0; width: 100%; }
  th, td { text-align: left; padding: .3rem .75rem .3rem 0; border-bottom: 1px solid #ddd; vertical-align: top; }
  code { font: 13px/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
  details ul { margin: .25rem 0; padding-left: 1.25rem; }
  .good { color: #0a6b2d; } .bad { color: #a4161a; }
`;

/** The whole document. */
export function renderPage(input: PageInput): string {
  const { version, status, revision, endpoint, loadBalancers } = input;
  const count = loadBalancers.length === 1 ? '1 load balancer' : `${loadBalancers.length} load balancers`;
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>weir</title><style>${STYLE}</style></head>
<body>
<h1>weir ${escape(version)}</h1>
<p>A self-hosted Classic Load Balancer: ${escape(status)}, revision ${revision}, ${count}.</p>
<p>API endpoint: <code>${escape(endpoint)}</code> · <a href="/metrics">metrics</a> · <a href="/-/ready">ready?</a></p>
<p>Try: <code>${escape(awsCommand(input, 'describe-load-balancers'))}</code></p>
<p>Documentation: <code>${escape(input.documentation)}</code></p>
${loadBalancers.map(section).join('')}</body>
</html>
`;
}

/** Where a command of the AWS command line finds weir. */
export type AwsTarget = Pick<PageInput, 'endpoint' | 'credentialsFile' | 'region'>;

/** `aws elb <rest>` with what it needs to find weir, ready for a POSIX shell. */
export function awsCommand({ endpoint, credentialsFile, region }: AwsTarget, rest: string): string {
  const key = credentialsFile === undefined ? '' : `AWS_SHARED_CREDENTIALS_FILE=${shellWord(credentialsFile)} `;
  const unsigned = credentialsFile === undefined ? ' --no-sign-request' : '';
  // Said as options: a profile, a region or an endpoint of the reader's own environment would win over variables, and keys that
  // stand there over the file, unless a profile is named.
  const profile = credentialsFile === undefined ? '' : ' --profile default';
  return `${key}aws elb ${rest}${profile} --region ${shellWord(region)} --endpoint-url ${shellWord(endpoint)}${unsigned}`;
}

function section({ name, account, region, dnsName, address, listeners, instances }: PageLoadBalancer): string {
  return `<h2>${escape(name)}</h2>
<p><code>${escape(dnsName)}</code> on <code>${escape(address)}</code>, account ${escape(account)}, ${escape(region)}</p>
${table(['Listener', 'Instances are spoken to with', 'Security policy', 'State'], listeners.map(listenerRow), 'No listeners.')}
${table(['Instance', 'Zone', 'State', 'Why', 'Last checks'], instances.map(instanceRow), 'No instances are registered.')}
`;
}

function listenerRow(listener: PageListener): string[] {
  const { protocol, port, instanceProtocol, instancePort, failure } = listener;
  const state = failure === undefined ? good('up') : bad(failure);
  return [`${escape(protocol)}:${port}`, `${escape(instanceProtocol)}:${instancePort}`, policyCell(listener), state];
}

function policyCell({ policy, notOffered }: PageListener): string {
  if (policy === undefined) return '';
  if (notOffered.length === 0) return escape(policy);
  const summary = `${escape(policy)}, of which ${bad(`${notOffered.length} cannot be offered`)}`;
  return details(
    summary,
    notOffered.map((each) => escape(each)),
  );
}

function instanceRow({ instanceId, zone, state, description, checks }: PageInstance): string[] {
  const shown = state === 'InService' ? good(state) : bad(state);
  return [`<code>${escape(instanceId)}</code>`, escape(zone), shown, escape(description), checksCell(checks)];
}

function checksCell(checks: readonly PageCheck[]): string {
  const [last] = checks;
  if (last === undefined) return 'none yet';
  const outcome = ({ good: isGood, cause }: PageCheck): string => (isGood ? good(cause) : bad(cause));
  return details(
    outcome(last),
    checks.map((check) => `${escape(check.time.slice(0, 19))}Z ${outcome(check)}, ${check.milliseconds} ms`),
  );
}

/** Opens without a script. All of it HTML. */
function details(summary: string, items: readonly string[]): string {
  return `<details><summary>${summary}</summary><ul>${items.map((item) => `<li>${item}</li>`).join('')}</ul></details>`;
}

/** `rows` are cells of HTML. */
function table(head: readonly string[], rows: readonly (readonly string[])[], none: string): string {
  if (rows.length === 0) return `<p>${none}</p>`;
  const line = (cells: readonly string[], tag: 'th' | 'td') =>
    `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join('')}</tr>`;
  return `<table>${line(head, 'th')}\n${rows.map((cells) => line(cells, 'td')).join('\n')}</table>`;
}

function good(text: string): string {
  return `<span class="good">${escape(text)}</span>`;
}

function bad(text: string): string {
  return `<span class="bad">${escape(text)}</span>`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as HTML shows it, in an element or a quoted attribute. */
export function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ESCAPES[character]!);
}
