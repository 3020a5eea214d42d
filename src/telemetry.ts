import { setTimeout as pause } from 'node:timers/promises'
import {
  type Context,
  context,
  type DiagLogger,
  DiagLogLevel,
  diag,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace
} from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources'
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node'
import type { Log } from './jobs/loop.ts'
import type { Tracing } from './kernel/tracing.ts'

export type Telemetry = Readonly<{ tracing: Tracing; stop: () => Promise<void> }>

/** How long a collector may take, and the end of the process waits for it at most. */
const COLLECTOR_MS = 2_000
const WARN_EVERY_MS = 60_000
const kinds = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL }

/**
 * Sends traces to a collector by OTLP over HTTP, as JSON. Only who imports this file loads OpenTelemetry (its interface aside, which prom-client loads). What else is set by its
 * standard variables (name, sampler, headers, size of batches) it reads itself.
 */
export function startTelemetry({ endpoint, version, log }: { endpoint: string; version: string; log: Log }): Telemetry {
  diag.setLogger(loggerOf(log), DiagLogLevel.WARN)
  const own = resourceFromAttributes({ 'service.name': 'dunwell', 'service.version': version })
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, '')}/v1/traces`, timeoutMillis: COLLECTOR_MS })
  const provider = new NodeTracerProvider({
    resource: own.merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(exporter)]
  })
  provider.register()
  return {
    tracing: tracingBy(provider),
    stop: async () => {
      const ended = provider.shutdown().catch((error: unknown) => log.warn({ err: error }, 'the last traces were not taken'))
      await Promise.race([ended, pause(COLLECTOR_MS, undefined, { ref: false })])
      trace.disable()
      context.disable()
      diag.disable()
    }
  }
}

function tracingBy(provider: NodeTracerProvider): Tracing {
  const tracer = provider.getTracer('dunwell')
  return {
    current: () => {
      const found = trace.getSpanContext(context.active())
      return found === undefined ? null : `00-${found.traceId}-${found.spanId}-${found.traceFlags.toString(16).padStart(2, '0')}`
    },
    async follow({ name, kind, from, attributes = {} }, work) {
      const parent = from === null ? ROOT_CONTEXT : contextOf(from)
      const span = tracer.startSpan(name, { kind: kinds[kind], attributes }, parent)
      const fail = (reason: string) => void span.setStatus({ code: SpanStatusCode.ERROR, message: reason })
      try {
        return await context.with(trace.setSpan(parent, span), () => work({ set: (more) => void span.setAttributes(more), fail }))
      } catch (error) {
        fail(nameOf(error))
        throw error
      } finally {
        span.end()
      }
    },
    async statement({ name, text }, work) {
      if (trace.getSpan(context.active()) === undefined) return work()
      const attributes = { 'db.system.name': 'postgresql', 'db.query.summary': name, 'db.query.text': text }
      const span = tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes })
      try {
        return await work()
      } catch (error) {
        span.setStatus({ code: SpanStatusCode.ERROR, message: nameOf(error) })
        throw error
      } finally {
        span.end()
      }
    }
  }
}

/** @param traceparent of version 00 */
function contextOf(traceparent: string): Context {
  const [, traceId = '', spanId = '', flags = ''] = traceparent.split('-')
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true })
}

/** Not the message: it may hold what somebody wrote. */
function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return 'error'
  return 'code' in error && typeof error.code === 'string' ? `${error.name} ${error.code}` : error.name
}

/** A collector that is away is one line a minute. */
function loggerOf(log: Log): DiagLogger {
  let warnedAt = Number.NEGATIVE_INFINITY
  const warn = (message: string) => {
    if (performance.now() - warnedAt < WARN_EVERY_MS) return
    warnedAt = performance.now()
    log.warn({ detail: message.slice(0, 500) }, 'traces are lost')
  }
  const ignore = () => undefined
  return { error: warn, warn, info: ignore, debug: ignore, verbose: ignore }
}
