/** What the OpenAPI document says beside the schemas that check and write: problems, who may ask, and bodies in full. */
import type { SwaggerOptions } from '@fastify/swagger';
import { shapes } from '@village/api';

const { Problem } = shapes;

const problem = {
  description: 'A problem document (RFC 9457)',
  content: { 'application/problem+json': { schema: Problem } },
};

/** Options of the description for `@fastify/swagger`. */
export const description: SwaggerOptions = {
  openapi: {
    openapi: '3.1.0',
    info: {
      title: 'digital-village',
      version: '1',
      description: 'See docs/http-api.md. Errors are problem documents (RFC 9457).',
    },
    components: {
      securitySchemes: {
        cookie: { type: 'apiKey', in: 'cookie', name: 'village_session' },
        token: { type: 'http', scheme: 'bearer' },
      },
    },
    security: [{ cookie: [] }, { token: [] }],
  },
  transform: ({ schema, url, route }) => {
    const { body, right } = route.config?.endpoint ?? {};
    const { response, ...rest } = (schema ?? {}) as Record<string, unknown>;
    const answers = Object.entries((response ?? {}) as Record<string, unknown>).map(
      ([status, one]) => [status, one === Problem ? problem : one],
    );
    return {
      url,
      schema: {
        ...rest,
        ...(body === undefined ? {} : { body }),
        ...(right === 'public' ? { security: [] } : {}),
        response: { ...Object.fromEntries(answers), default: problem },
      },
    };
  },
};
