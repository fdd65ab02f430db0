/** Which route a path belongs to. The table is small: a look at each pattern of the same length is enough. */
import type { Route } from './route.js';

export type Match =
  | { readonly kind: 'route'; readonly route: Route; readonly params: Record<string, string> }
  | { readonly kind: 'wrong method'; readonly allowed: readonly string[] }
  | { readonly kind: 'unknown' };

interface Pattern {
  readonly segments: readonly string[];
  readonly route: Route;
}

export class Router {
  private readonly patterns: readonly Pattern[];

  constructor(routes: readonly Route[]) {
    this.patterns = routes.flatMap((route) =>
      [route.path, ...(route.aliases ?? [])].map((path) => ({ segments: path.split('/'), route })),
    );
  }

  /** Of every method. */
  routesOf(path: string): Route[] {
    const segments = path.split('/');
    return this.patterns
      .filter((pattern) => paramsOf(pattern.segments, segments) !== undefined)
      .map(({ route }) => route);
  }

  /** HEAD is answered as GET. */
  match(method: string, path: string): Match {
    const segments = path.split('/');
    const wanted = method === 'HEAD' ? 'GET' : method;
    const allowed: string[] = [];
    for (const pattern of this.patterns) {
      const params = paramsOf(pattern.segments, segments);
      if (params === undefined) continue;
      if (pattern.route.method === wanted) return { kind: 'route', route: pattern.route, params };
      allowed.push(pattern.route.method);
    }
    return allowed.length > 0 ? { kind: 'wrong method', allowed } : { kind: 'unknown' };
  }
}

function paramsOf(
  pattern: readonly string[],
  segments: readonly string[],
): Record<string, string> | undefined {
  if (pattern.length !== segments.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index] as string;
    const value = part.startsWith('{') && segment !== '' ? decoded(segment) : undefined;
    if (value !== undefined) params[part.slice(1, -1)] = value;
    else if (part !== segment) return undefined;
  }
  return params;
}

/** An emoji stands in a path with its percents; undefined when they are none. */
function decoded(segment: string): string | undefined {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
