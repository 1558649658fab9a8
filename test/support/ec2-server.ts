/** A scripted EC2 endpoint on loopback: it knows what a test tells it, and can be as broken as a test wants. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { KeyRing } from '../../src/api/credentials.ts';
import { verifySignature } from '../../src/api/sigv4.ts';
import { Fault } from '../../src/api/fault.ts';
import { systemClock } from '../../src/kit/clock.ts';
import { KEY } from './api.ts';

export interface PlayedInstance {
  readonly address?: string;
  readonly zone?: string;
  readonly state?: string;
}

/** Answers in place of what the server knows. */
export type Misbehaviour = (response: ServerResponse, action: string) => void;

export class Ec2Server {
  readonly instances = new Map<string, PlayedInstance>();
  zones: readonly string[] = ['us-east-1a', 'us-east-1b'];
  readonly subnets = new Map<string, string>();
  /** Id → XML of its `ipPermissions`. */
  readonly groups = new Map<string, string>();
  /** Of groups, by id: XML of their names. */
  readonly groupNames = new Map<string, string>();
  /** Actions that were asked for, signed as they should be. */
  readonly asked: string[] = [];
  misbehave: Misbehaviour | undefined;
  url = '';
  /** Items on a page. */
  pageSize = 1000;
  /** Whose signatures are good. */
  readonly keys = new KeyRing([KEY]);
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  /** Listens until the test ends. */
  static async start(test: TestContext): Promise<Ec2Server> {
    const server = new Ec2Server();
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    server.url = `http://127.0.0.1:${(server.#server.address() as AddressInfo).port}/`;
    test.after(() => server.stop());
    return server;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  count(action: string): number {
    return this.asked.filter((each) => each === action).length;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = Buffer.concat(await request.toArray());
    const { method = '', url = '', rawHeaders } = request;
    const verified = verifySignature({ method, target: url, rawHeaders, body }, this.keys, systemClock.epochMs());
    if (verified instanceof Fault || verified.service !== 'ec2') {
      response
        .writeHead(401)
        .end(errorXml('AuthFailure', 'AWS was not able to validate the provided access credentials'));
      return;
    }
    const parameters = new URLSearchParams(body.toString());
    const action = parameters.get('Action') ?? '';
    this.asked.push(action);
    if (this.misbehave !== undefined) this.misbehave(response, action);
    else response.setHeader('content-type', 'text/xml').end(this.#page(action, parameters));
  }

  #page(action: string, parameters: URLSearchParams): string {
    const [list, items] = this.#items(action, parameters);
    const from = Number(parameters.get('NextToken') ?? 0);
    const to = from + this.pageSize;
    const next = to < items.length ? `<nextToken>${to}</nextToken>` : '';
    const content = items.slice(from, to).map((item) => `<item>${item}</item>`);
    return `<?xml version="1.0" encoding="UTF-8"?>
<${action}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId>
<${list}>${content.join('\n')}</${list}>${next}</${action}Response>`;
  }

  #items(action: string, parameters: URLSearchParams): [list: string, items: string[]] {
    switch (action) {
      case 'DescribeInstances': {
        const wanted = new Set(
          [...parameters].filter(([name]) => name.startsWith('Filter.1.Value.')).map(([, id]) => id),
        );
        const found = [...this.instances].filter(([id]) => wanted.has(id));
        return [
          'reservationSet',
          found.map(([id, each]) => `<instancesSet><item>${instanceXml(id, each)}</item></instancesSet>`),
        ];
      }
      case 'DescribeAvailabilityZones':
        return [
          'availabilityZoneInfo',
          this.zones.map((zone) => `<zoneName>${zone}</zoneName><zoneState>available</zoneState>`),
        ];
      case 'DescribeSubnets':
        return [
          'subnetSet',
          Array.from(
            this.subnets,
            ([id, zone]) => `<subnetId>${id}</subnetId><availabilityZone>${zone}</availabilityZone>`,
          ),
        ];
      default:
        return [
          'securityGroupInfo',
          Array.from(this.groups, ([id, rules]) => {
            return `<groupId>${id}</groupId>${this.groupNames.get(id) ?? ''}<ipPermissions>${rules}</ipPermissions>`;
          }),
        ];
    }
  }
}

function instanceXml(id: string, { address, zone = 'us-east-1a', state = 'running' }: PlayedInstance): string {
  const at = address === undefined ? '' : `<privateIpAddress>${address}</privateIpAddress>`;
  return `<instanceId>${id}</instanceId><instanceState><name>${state}</name></instanceState>${at}
<placement><availabilityZone>${zone}</availabilityZone></placement><tagSet><item><key>a&amp;b</key></item></tagSet>`;
}

export function errorXml(code: string, message: string): string {
  return `<Response><Errors><Error><Code>${code}</Code><Message>${message}</Message></Error></Errors></Response>`;
}
