/** Proxy protocol version 1, as HAProxy's specification has it (section 2.1). */

/**
 * The line that goes ahead of a connection's first byte. Addresses are IP addresses without brackets; where the two are
 * not of one family, which a dual-stack socket never gives, the line says so.
 */
export function proxyLine(clientAddress: string, localAddress: string, clientPort: number, localPort: number): string {
  const isV6 = clientAddress.includes(':');
  if (clientAddress === '' || isV6 !== localAddress.includes(':')) return 'PROXY UNKNOWN\r\n';
  return `PROXY ${isV6 ? 'TCP6' : 'TCP4'} ${clientAddress} ${localAddress} ${clientPort} ${localPort}\r\n`;
}
