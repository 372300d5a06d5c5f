package dev.chancery.server;

import io.javalin.config.JavalinConfig;
import io.javalin.http.HttpResponseException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Errors of the listeners that speak no protocol with an error format of its own. */
final class PlainErrors {
  private static final Logger LOG = LoggerFactory.getLogger(PlainErrors.class);

  private PlainErrors() {}

  static void routes(JavalinConfig config) {
    config.routes.exception(
        HttpResponseException.class,
        (e, context) ->
            context.status(e.getStatus()).contentType("text/plain").result(e.getMessage() + "\n"));
    config.routes.exception(
        Exception.class,
        (bug, context) -> {
          LOG.error("{} {} failed", context.method(), context.path(), bug);
          context.status(500).contentType("text/plain").result("internal error\n");
        });
  }
}
