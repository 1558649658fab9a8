import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { commonFault, Fault } from '../fault.ts';
import { elbModel } from '../services/elb/model.ts';
import { encodeFault, encodeResponse, escapeXml } from './xml.ts';

const ENTITIES: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#xD;': '\r',
};

/** Any sequence of UTF-16 code units, lone surrogates and all; what XML treats specially more often. */
const codeUnit = fc.oneof(fc.nat({ max: 0xffff }), fc.nat({ max: 0x3f }), fc.integer({ min: 0xd800, max: 0xdfff }));
const anyText = fc.array(codeUnit, { maxLength: 20 }).map((units) => String.fromCharCode(...units));

/** What stands for a character in XML 1.0: itself (production 2, Char) or U+FFFD. */
function writable(character: string): string {
  const code = character.codePointAt(0)!;
  const isChar = code === 9 || code === 10 || code === 13 || (code >= 0x20 && code < 0xd800) || code > 0xdfff;
  return isChar && code !== 0xfffe && code !== 0xffff ? character : '\uFFFD';
}

describe('the Query response codec', () => {
  it('writes members in the order of the model, times with milliseconds, empty lists and results as one tag', () => {
    const output = {
      NextMarker: 'a&b',
      LoadBalancerDescriptions: [
        { CreatedTime: new Date(1_431_560_383_945), LoadBalancerName: 'web', Instances: [], Subnets: ['s-1', 's-2'] },
      ],
    };
    assert.equal(
      encodeResponse(elbModel, 'DescribeLoadBalancers', output, 'id-1'),
      `<DescribeLoadBalancersResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2012-06-01/">
  <DescribeLoadBalancersResult>
    <LoadBalancerDescriptions>
      <member>
        <LoadBalancerName>web</LoadBalancerName>
        <Subnets>
          <member>s-1</member>
          <member>s-2</member>
        </Subnets>
        <Instances/>
        <CreatedTime>2015-05-13T23:39:43.945Z</CreatedTime>
      </member>
    </LoadBalancerDescriptions>
    <NextMarker>a&amp;b</NextMarker>
  </DescribeLoadBalancersResult>
  <ResponseMetadata>
    <RequestId>id-1</RequestId>
  </ResponseMetadata>
</DescribeLoadBalancersResponse>
`,
    );
    assert.match(encodeResponse(elbModel, 'AddTags', {}, 'id-2'), /^ {2}<AddTagsResult\/>$/m);
  });

  it('writes an error with its type, code, message and request id', () => {
    const fault = new Fault('LoadBalancerNotFound', 400, "There is no ACTIVE Load Balancer named '<a>'");
    assert.equal(
      encodeFault(elbModel, fault, 'id-3'),
      `<ErrorResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2012-06-01/">
  <Error>
    <Type>Sender</Type>
    <Code>LoadBalancerNotFound</Code>
    <Message>There is no ACTIVE Load Balancer named '&lt;a&gt;'</Message>
  </Error>
  <RequestId>id-3</RequestId>
</ErrorResponse>
`,
    );
    assert.match(encodeFault(elbModel, commonFault('InternalFailure', 'm'), 'i'), /<Type>Receiver<\/Type>/);
  });

  it('escapes any text so that it is well-formed XML 1.0 and reads back as it was', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const escaped = escapeXml(text);
        assert.doesNotMatch(escaped, /[<>"\r]|&(?!(amp|lt|gt|quot|#xD);)/);
        const read = escaped.replace(/&[^;]+;/g, (entity) => ENTITIES[entity]!);
        assert.equal(read, Array.from(text, writable).join(''));
      }),
    );
  });
});
