/** Certificates of listeners: that they exist, and SetLoadBalancerListenerSSLCertificate. */
import { isUsableIn } from '../../../model/certificate.ts';
import { isTls } from '../../../model/load-balancer.ts';
import { Fault, shown } from '../../fault.ts';
import { findListener, withListener } from './find-listener.ts';
import { elbFault } from './model.ts';
import type { ElbFault } from './model.ts';
import { answer, find, save } from './operation.ts';
import type { CallContext, Decision, Handler } from './operation.ts';
import type * as shapes from './shapes.ts';

const MAX_SHOWN_ARN = 256;

/** Unless the caller has a certificate of that ARN here, IAM's or ACM's. */
export function certificateFault(arn: string, { view, accountId, region }: CallContext): ElbFault | undefined {
  const certificate = view.get('certificate', arn);
  if (certificate !== undefined && isUsableIn(certificate, accountId, region)) return undefined;
  return elbFault('CertificateNotFound', `Server Certificate not found for the key: ${shown(arn, MAX_SHOWN_ARN)}`);
}

function setCertificate(
  input: shapes.SetLoadBalancerListenerSSLCertificateInput,
  context: CallContext,
): Decision<shapes.SetLoadBalancerListenerSSLCertificateOutput> | ElbFault {
  const record = find(context, input.LoadBalancerName);
  if (record instanceof Fault) return record;
  const listener = findListener(record, input.LoadBalancerPort);
  if (listener instanceof Fault) return listener;
  if (!isTls(listener.protocol)) {
    return elbFault(
      'InvalidConfigurationRequest',
      `The ${listener.protocol} listener on port ${listener.loadBalancerPort} cannot have a SSLCertificateId: only ` +
        'HTTPS and SSL listeners have one.',
    );
  }
  const sslCertificateId = input.SSLCertificateId;
  const fault = certificateFault(sslCertificateId, context);
  if (fault !== undefined) return fault;
  if (sslCertificateId === listener.sslCertificateId) return answer({});
  return save(withListener(record, { ...listener, sslCertificateId }), {});
}

export const certificateHandlers = {
  SetLoadBalancerListenerSSLCertificate: { mutates: true, decide: setCertificate },
} satisfies { SetLoadBalancerListenerSSLCertificate: Handler<'SetLoadBalancerListenerSSLCertificate'> };
