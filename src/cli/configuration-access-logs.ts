/** Where access logs are delivered to, as the configuration says: a folder, or an S3-compatible service. */
import type { AccessLogPlace } from '../model/configuration.ts';
import type { ConfigurationDocument } from './configuration-document.ts';
import type { Problem } from './configuration-problems.ts';
import type { FileSettings } from './configuration-schema.ts';

type Settings = NonNullable<FileSettings['accessLogs']>;

/** `region`: of the configuration, where the settings name none. */
export function accessLogsOf(settings: Settings, region: string): { readonly accessLogs?: AccessLogPlace } {
  const { folder, s3Endpoint: url, s3Region = region, s3Profile: profile, s3PathStyle: pathStyle = true } = settings;
  if (url !== undefined) {
    return { accessLogs: { s3: { url, region: s3Region, ...(profile === undefined ? {} : { profile }), pathStyle } } };
  }
  return folder === undefined ? {} : { accessLogs: { folder } };
}

/** What is right by itself, but not together. */
export function accessLogProblems(document: ConfigurationDocument): Problem[] {
  const { folder, s3Endpoint, ...ofS3 } = document.settings.accessLogs ?? {};
  if (folder !== undefined && s3Endpoint !== undefined) {
    const message = 'access logs go to one place: leave out folder or s3Endpoint';
    return [{ ...document.place('accessLogs', 'folder'), message }];
  }
  if (s3Endpoint !== undefined) return [];
  return Object.keys(ofS3).map((key) => ({
    ...document.place('accessLogs', key),
    message: 'says something of an s3Endpoint that is not given',
  }));
}
