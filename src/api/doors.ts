/** The services of AWS that weir has, behind the doors of the protocols that their clients speak. */
import { AuditedCalls } from './audited-calls.ts';
import { CborDoor } from './cbor-door.ts';
import { Changes } from './changes.ts';
import { JsonDoor } from './json-door.ts';
import { QueryDoor } from './query-door.ts';
import type { ApiOptions } from './server.ts';
import type { FrontDoor, QueryService } from './service.ts';
import { createAcmService } from './services/acm/service.ts';
import { createCloudWatchService } from './services/cloudwatch/service.ts';
import { createEc2Service } from './services/ec2/service.ts';
import { createIamService } from './services/iam/service.ts';
import { createStsService } from './services/sts/service.ts';
import type { Configuration } from '../model/configuration.ts';

export interface Doors {
  /** The first that takes a request answers it. */
  readonly all: readonly FrontDoor[];
  /** Answers what is no call of any protocol. */
  readonly query: QueryDoor;
}

/** `elb` and the other services; `configuration` is what is in force now. */
export function createDoors(options: ApiOptions, elb: QueryService, configuration: () => Configuration): Doors {
  const { store, secrets, control, clock, random, log, metrics, createdMs } = options;
  const calls = new AuditedCalls(clock, log);
  const forCertificates = { store, secrets, clock, random, changes: new Changes({ store, control, log }) };
  const cloudWatch = createCloudWatchService({ clock, ...(metrics === undefined ? {} : { metrics }) });
  const ec2 = createEc2Service({ store, configuration });
  const iam = createIamService({ ...forCertificates, createdMs });
  const services = [elb, ec2, iam, createStsService(), cloudWatch];
  const query = new QueryDoor({ services, calls });
  const json = new JsonDoor({ services: [createAcmService(forCertificates), cloudWatch], calls });
  return { all: [new CborDoor({ services: [cloudWatch], calls }), json, query], query };
}
