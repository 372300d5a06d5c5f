package dev.chancery.server;

import dev.chancery.core.TokenAway;
import dev.chancery.core.Upload;
import dev.chancery.store.DatabaseAway;
import io.javalin.config.JavalinConfig;
import io.javalin.http.Context;
import io.javalin.http.Header;
import io.javalin.http.HttpResponseException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.IllegalCharsetNameException;
import java.nio.charset.StandardCharsets;
import java.nio.charset.UnsupportedCharsetException;
import org.eclipse.jetty.http.HttpException;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http.HttpStatus;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How a listener answers what no route answers: errors of HTTP itself, of what the web server finds
 * wrong before any route is asked, outages and defects. It says no more than the status does.
 */
enum ErrorAnswers {
  TEXT("text/plain"),
  /** RFC 9457. */
  PROBLEM("application/problem+json"),
  /** RFC 8555 section 6.7. */
  ACME_PROBLEM("application/problem+json");

  private static final Logger LOG = LoggerFactory.getLogger(ErrorAnswers.class);

  private static final String RETRY_AFTER_OUTAGE = "10";

  private final String contentType;

  ErrorAnswers(String contentType) {
    this.contentType = contentType;
  }

  void routes(JavalinConfig config) {
    config.jetty.modifyServer(server -> server.setErrorHandler(this::answer));
    config.jetty.modifyServletContextHandler(context -> context.setErrorHandler(this::answer));
    config.routes.exception(
        HttpResponseException.class,
        (e, context) -> answer(context, e.getStatus(), String.valueOf(e.getMessage())));
    config.routes.exception(DatabaseAway.class, this::outage);
    config.routes.exception(TokenAway.class, this::outage);
    config.routes.exception(
        Exception.class,
        (e, context) -> {
          int status = status(e);
          if (status >= 500) {
            LOG.error("{} {} failed", context.method(), context.path(), e);
          }
          answer(context, status, HttpStatus.getMessage(status));
        });
  }

  /** Neither the request nor this server is at fault, and the same request can succeed later. */
  private void outage(Exception away, Context context) {
    LOG.warn("{} {} met an outage: {}", context.method(), context.path(), away.toString());
    context.header(Header.RETRY_AFTER, RETRY_AFTER_OUTAGE);
    answer(context, HttpStatus.SERVICE_UNAVAILABLE_503, "the server cannot work at the moment");
  }

  /** A body that cannot be read is its sender's doing; the rest is a defect of ours. */
  private static int status(Exception e) {
    return switch (e) {
      case HttpException broken when broken.getCode() < 500 -> broken.getCode();
      case Upload.TooLong _ -> HttpStatus.PAYLOAD_TOO_LARGE_413;
      case Upload.TooSlow _ -> HttpStatus.REQUEST_TIMEOUT_408;
      case IOException _ -> HttpStatus.BAD_REQUEST_400;
      case IllegalCharsetNameException _, UnsupportedCharsetException _ ->
          HttpStatus.UNSUPPORTED_MEDIA_TYPE_415;
      default -> HttpStatus.INTERNAL_SERVER_ERROR_500;
    };
  }

  private void answer(Context context, int status, String detail) {
    context.status(status).contentType(contentType).result(octets(status, detail));
  }

  private boolean answer(Request request, Response response, Callback callback) {
    int status = response.getStatus();
    response.getHeaders().put(HttpHeader.CONTENT_TYPE, contentType);
    response.write(true, ByteBuffer.wrap(octets(status, HttpStatus.getMessage(status))), callback);
    return true;
  }

  private byte[] octets(int status, String detail) {
    String text =
        switch (this) {
          case TEXT -> detail + "\n";
          case PROBLEM -> "{\"status\":%d,\"detail\":\"%s\"}".formatted(status, quotable(detail));
          case ACME_PROBLEM ->
              "{\"type\":\"urn:ietf:params:acme:error:%s\",\"status\":%d,\"detail\":\"%s\"}"
                  .formatted(
                      status < 500 ? "malformed" : "serverInternal", status, quotable(detail));
        };
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** Javalin repeats the path in some of its messages. */
  private static String quotable(String detail) {
    return detail.replaceAll("[^ -~]|[\"\\\\]", "?");
  }
}
