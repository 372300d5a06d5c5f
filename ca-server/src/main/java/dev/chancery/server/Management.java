package dev.chancery.server;

import io.javalin.config.JavalinConfig;
import io.javalin.http.Context;
import io.javalin.http.HttpStatus;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.FileDescriptorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.util.LinkedHashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What an operator's probes ask: alive, ready (proven by signatures), metrics. */
final class Management {
  private static final Logger LOG = LoggerFactory.getLogger(Management.class);

  /** Something that must work for the server to be ready. */
  interface Check {
    /** Returns when it works, throws when it does not. */
    void run() throws Exception;
  }

  private final Map<String, Check> checks;
  private final PrometheusMeterRegistry metrics;

  Management(Map<String, Check> checks, PrometheusMeterRegistry metrics) {
    this.checks = new LinkedHashMap<>(checks);
    this.metrics = metrics;
    new JvmMemoryMetrics().bindTo(metrics);
    new JvmThreadMetrics().bindTo(metrics);
    new FileDescriptorMetrics().bindTo(metrics);
    new UptimeMetrics().bindTo(metrics);
  }

  void routes(JavalinConfig config) {
    ErrorAnswers.TEXT.routes(config);
    config.routes.get("/healthz", context -> context.result("ok\n"));
    config.routes.get("/readyz", this::ready);
    config.routes.get(
        "/metrics",
        context -> context.contentType("text/plain; version=0.0.4").result(metrics.scrape()));
  }

  private void ready(Context context) {
    StringBuilder answer = new StringBuilder();
    boolean ready = true;
    for (Map.Entry<String, Check> check : checks.entrySet()) {
      try {
        check.getValue().run();
        answer.append(check.getKey()).append(": ok\n");
      } catch (Exception e) {
        // The reason stays in the log: a probe's answer can be read by anyone on the network.
        LOG.warn("not ready: {}: {}", check.getKey(), e.getMessage());
        answer.append(check.getKey()).append(": failed\n");
        ready = false;
      }
    }
    context
        .status(ready ? HttpStatus.OK : HttpStatus.SERVICE_UNAVAILABLE)
        .result(answer.toString());
  }
}
