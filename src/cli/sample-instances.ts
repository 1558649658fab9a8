/** The demo's instances: two HTTP servers in this process, each of which answers with its own name. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { present } from '../kit/assert.ts';
import type { Configuration, InventoryInstance } from '../model/configuration.ts';

const HOST = '127.0.0.1';
/** The instance port that the demo's listener names; the inventory says which port is behind it in this run. */
export const SAMPLE_INSTANCE_PORT = 80;
export const SAMPLE_INSTANCE_IDS = ['i-sample1', 'i-sample2'];

export interface SampleInstances {
  /** `configuration` with the samples in its inventory, at their ports of this run. */
  addTo(configuration: Configuration): Configuration;
  close(): void;
}

/** Starts the samples, each on a free port of the loopback address. */
export async function startSampleInstances(): Promise<SampleInstances> {
  const servers = await Promise.all(SAMPLE_INSTANCE_IDS.map(startSample));
  const entries = servers.map((server, index) => [SAMPLE_INSTANCE_IDS[index]!, inventoryEntry(server)] as const);
  return {
    addTo: (configuration) => ({
      ...configuration,
      instances: {
        ...configuration.instances,
        inventory: { ...configuration.instances.inventory, ...Object.fromEntries(entries) },
      },
    }),
    close() {
      for (const server of servers) {
        server.close();
        server.closeAllConnections();
      }
    },
  };
}

function startSample(name: string): Promise<Server> {
  const server = createServer((request, response) => {
    request.resume();
    response.setHeader('Content-Type', 'text/plain');
    response.end(`${name}\n`);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, HOST, () => resolve(server));
  });
}

function inventoryEntry(server: Server): InventoryInstance {
  const { port } = present(server.address(), 'the address of a listening server') as AddressInfo;
  return { address: HOST, ports: { [SAMPLE_INSTANCE_PORT]: port } };
}
