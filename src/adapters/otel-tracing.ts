// Traces by OpenTelemetry, sent to a collector by OTLP over HTTP. Loaded only where a collector is configured.

import { context, propagation, SpanKind, SpanStatusCode, trace, type Context, type Span } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { ATTR_SERVICE_NAME, ATTR_SERVICE_VERSION } from '@opentelemetry/semantic-conventions';
import { Refusal } from '../domain/errors.ts';
import type { BegunStep, Tracing } from '../ports.ts';

export interface OtelTracing extends Tracing {
  /** Sends what is left, within a few seconds. */
  close(): Promise<void>;
}

export interface OtelOptions {
  readonly url: string;
  readonly serviceName: string;
  readonly serviceVersion: string;
}

const EXPORT_EVERY_MS = 2_000;
const EXPORT_PATIENCE_MS = 3_000;

export function startOtelTracing({ url, serviceName, serviceVersion }: OtelOptions): OtelTracing {
  const exporter = new OTLPTraceExporter({ url, timeoutMillis: EXPORT_PATIENCE_MS });
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ [ATTR_SERVICE_NAME]: serviceName, [ATTR_SERVICE_VERSION]: serviceVersion }),
    spanProcessors: [
      new BatchSpanProcessor(exporter, {
        scheduledDelayMillis: EXPORT_EVERY_MS,
        exportTimeoutMillis: EXPORT_PATIENCE_MS,
      }),
    ],
  });
  // For all of the process: what travels along calls, and how a step is written for another process.
  provider.register();
  const tracer = provider.getTracer('billhead', serviceVersion);
  return {
    step: (name, attributes, work) =>
      tracer.startActiveSpan(name, { attributes }, async (span) => {
        try {
          return await work();
        } catch (error) {
          noteFailure(span, error);
          throw error;
        } finally {
          span.end();
        }
      }),
    begin: (name, attributes, traceparent) => {
      const parent = parentOf(traceparent);
      const span = tracer.startSpan(name, { attributes, kind: SpanKind.SERVER }, parent);
      return begunStep(span, trace.setSpan(parent, span));
    },
    traceparent: () => {
      const carrier: Record<string, string> = {};
      propagation.inject(context.active(), carrier);
      return carrier['traceparent'] ?? null;
    },
    close: () => provider.shutdown().catch(() => {}),
  };
}

// What is active here has nothing to do with what was asked for elsewhere.
function parentOf(traceparent: string | null): Context {
  const nothing = trace.deleteSpan(context.active());
  return traceparent === null ? nothing : propagation.extract(nothing, { traceparent });
}

function begunStep(span: Span, own: Context): BegunStep {
  return {
    within: (work) => context.with(own, work),
    end: ({ isFailed, attributes = {} }) => {
      span.setAttributes(attributes);
      if (isFailed) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    },
  };
}

/** A refusal is an answer. Of every other error only the kind is told: its words can hold what belongs to people. */
function noteFailure(span: Span, error: unknown): void {
  if (error instanceof Refusal) {
    span.setAttribute('billhead.refusal', error.code);
    return;
  }
  span.setStatus({ code: SpanStatusCode.ERROR });
  span.setAttribute('error.type', error instanceof Error ? error.name : typeof error);
}
