/**
 * The words that the generator puts streams together from: for each place those that belong there, and those that
 * somebody once smuggled a request with. One string a list, its items divided by `|`.
 */
function items(text: string): readonly string[] {
  return text.split('|');
}

export const METHODS = items('GET|POST|POST|PUT|HEAD|DELETE|OPTIONS|PATCH|PURGE');
export const ODD_METHODS = [...items('get|CONNECT|G\0T|G(T||P\tT|TRACE'), 'M'.repeat(127), 'M'.repeat(128)];
export const TARGETS = items("/|/a/b?c=d|*|http://a.example/x|/\xd0\xb6|/'[]{}^");
export const ODD_TARGETS = items(
  '|/a b|/a\tb| /a|/a |/\0|/\r|/\x7f|HTTP/1.1|/ HTTP/1.1|/a\x0bb|//|http:///x|http://:80/|HTTP://u@|http://:p@h/',
);
export const VERSIONS = items('HTTP/1.1|HTTP/1.1|HTTP/1.1|HTTP/1.0');
export const ODD_VERSIONS = items('|HTTP/0.9|HTTP/1.2|HTTP/1.9|HTTP/1.10|HTTP/2.0|http/1.1|HTTP/1.1 |\tHTTP/1.1');
export const LINE_ENDS = items('\r\n');
export const ODD_LINE_ENDS = items('\n|\r\r\n|\r|\n\r|\r\n ');
export const NAMES = items('Host|Accept|User-Agent|Cookie|Content-Type|X-Forwarded-For|X-Forwarded-Proto|Via|X');
export const ODD_NAMES = [
  ...items('| |\t|X Y|X-Y |X\x01|X\0|X\r|\xe4|(x)|Host |Host x|X-Forwarded-For;y|Connection\x01| X'),
  'X'.repeat(300),
];
export const VALUES = items('a|a, b|text/html; q="x:y"|\xe4\xf6||a  b|0|close');
export const ODD_VALUES = items('a\x01b|a\0b|a\rb|a\x7f|\x0b|a: b|\x85|Transfer-Encoding: chunked');
export const FOLDS = items(' b|\tb|  b: c| Content-Length: 3|\tTransfer-Encoding: chunked| |\t \t| : x| 5| chunked');
export const ENCODING_NAMES = items('Transfer-Encoding|transfer-encoding|TRANSFER-ENCODING');
export const ODD_ENCODING_NAMES = items(
  'Transfer_Encoding|Transfer-Encoding |Transfer Encoding|TransferEncoding|Transfer-Encoding\x0b|' +
    '\x01Transfer-Encoding|Tran\xc5\xbffer-Encoding|Transfer-Encod\xc4\xb1ng|Transfer-Encodings|' +
    ' Transfer-Encoding|Transfer-Encoding x|Transfer-Encoding;x|(Transfer-Encoding y|Transfer-Encoding\0x',
);
export const LENGTH_NAMES = items('Content-Length|content-length');
export const ODD_LENGTH_NAMES = items(
  'Content_Length|Content-Length |ContentLength|Content-Length\0|\xa0Content-Length| Content-Length|' +
    'Content-Length\tx|Content-Length"x"',
);
export const ENCODINGS = items('chunked|Chunked|gzip, chunked|chunked');
export const ODD_ENCODINGS = items(
  'chunked, chunked|chunked, gzip|gzip|identity|identity, chunked|chunked;x=1|xchunked|chunked,||' +
    ', chunked|chunked\x01|"chunked"|chunked\0|gzip;a="b,chunked"|chunked ;|chunk|chunked;\0',
);
export const ODD_LENGTHS = items(
  '|05|+5|-5|5,5|5, 5|5 5|0x5|5a|5\0|5\x0b|00|18446744073709551615|18446744073709551616|' +
    '99999999999999999999|9007199254740993|1e1| |5;x',
);
export const CHUNK_SIZES = items('5|5|05|5;a|5;a=b|5 ;a|5;a="b c"');
export const ODD_CHUNK_SIZES = items('5 |+5|-5|0x5||g|5g|5;a\n|5;\0| 5|10000000000000005|6|5 a|fffffffffffff');
export const TRAILERS = items(
  'X-Checksum: 1\r\n|Content-Length: 5\r\n|Host: b\r\n|Transfer-Encoding: chunked\r\n|A: b\r\n',
);
export const ODD_TRAILERS = items('A\r\n| b\r\n|A: b\n|A : b\r\n|A: \0\r\n|: b\r\n|A: \r b\r\n');
export const STATUS_LINES = items(
  'HTTP/1.1 200 OK|HTTP/1.1 200 |HTTP/1.1 404 Not Found|HTTP/1.0 200 OK|HTTP/1.1 204 No Content',
);
export const ODD_STATUS_LINES = items(
  'HTTP/1.1 304 Not Modified|HTTP/1.1 20 OK|HTTP/1.1 2000 OK|HTTP/2.0 200 OK|HTTP/1.1  200 OK|' +
    'HTTP/1.1 099 x|HTTP/1.1 999 ?|HTTP/1.1 200|HTTP/1.1 200OK|ICY 200 OK|HTTP/1.1 200 \0|' +
    'HTTP/1.3 200 OK|HTTP/1.1 101 x|',
);
