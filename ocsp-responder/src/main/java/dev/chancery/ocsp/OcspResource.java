package dev.chancery.ocsp;

import dev.chancery.core.Upload;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.io.IOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import org.eclipse.jetty.http.UriCompliance;
import org.jspecify.annotations.Nullable;

/**
 * OCSP over HTTP (RFC 6960 appendix A, RFC 5019). OCSP errors are OCSP answers and go out with
 * status 200; clients look inside only then.
 */
public final class OcspResource {
  /**
   * What the listener must accept of a URI: base64 in a path has slashes, escaped or not, one after
   * the other as well. The path is taken as it came and never mapped to a file, so nothing here is
   * ambiguous.
   */
  public static final UriCompliance URI_COMPLIANCE =
      UriCompliance.DEFAULT.with(
          "OCSP",
          UriCompliance.Violation.AMBIGUOUS_PATH_SEPARATOR,
          UriCompliance.Violation.AMBIGUOUS_EMPTY_SEGMENT);

  private static final String REQUEST = "application/ocsp-request";
  private static final String RESPONSE = "application/ocsp-response";

  private final OcspResponder responder;
  private final Clock clock;

  public OcspResource(OcspResponder responder, Clock clock) {
    this.responder = responder;
    this.clock = clock;
  }

  /**
   * Answers under a path such as /ocsp, on a listener whose HttpConfiguration has {@link
   * #URI_COMPLIANCE}.
   */
  public void mount(RoutesConfig routes, String path) {
    routes.post(path, this::post);
    routes.get(path + "/<request>", context -> get(context, path + "/"));
  }

  private void post(Context context) throws IOException {
    // Not context.contentType(), which fails on a charset that does not exist.
    if (!isRequest(context.header("Content-Type"))) {
      // What was sent does not even claim to be OCSP, so HTTP says so, and to whom it may concern.
      context.status(415).contentType("text/plain").result("expected " + REQUEST + "\n");
      return;
    }
    try {
      write(
          context,
          responder.answer(Upload.read(context.req().getInputStream(), OcspQuery.LONGEST)));
    } catch (Upload.TooLong e) {
      write(context, new OcspReply.Failure(OcspError.MALFORMED_REQUEST));
    } catch (Upload.TooSlow e) {
      context.status(408).contentType("text/plain").result(e.getMessage() + "\n");
    }
  }

  private void get(Context context, String prefix) {
    String path = context.req().getRequestURI();
    OcspReply reply = answer(path.substring(context.contextPath().length() + prefix.length()));
    if (reply instanceof OcspReply.Shared shared
        && matches(context.header("If-None-Match"), shared.headers().entityTag())) {
      writeHeaders(context.status(304), reply);
      return;
    }
    write(context, reply);
  }

  private OcspReply answer(String base64) {
    try {
      // In a path + is itself; URLDecoder, made for forms, would read a space.
      String decoded = URLDecoder.decode(base64.replace("+", "%2B"), StandardCharsets.ISO_8859_1);
      return responder.answer(Base64.getDecoder().decode(decoded));
    } catch (IllegalArgumentException e) {
      return new OcspReply.Failure(OcspError.MALFORMED_REQUEST);
    }
  }

  private void write(Context context, OcspReply reply) {
    writeHeaders(context.status(200), reply);
    // The entity tag is that of these very octets.
    context.disableCompression().contentType(RESPONSE).result(reply.encoded().bytes());
  }

  private void writeHeaders(Context context, OcspReply reply) {
    switch (reply) {
      case OcspReply.Shared shared -> {
        // RFC 5019 section 6.2: fresh for as long as the answer itself, not longer.
        long seconds =
            Math.max(0, Duration.between(clock.instant(), shared.nextUpdate()).toSeconds());
        context
            .header(
                "Cache-Control", "max-age=" + seconds + ", public, no-transform, must-revalidate")
            .header("ETag", shared.headers().entityTag())
            .header("Last-Modified", shared.headers().lastModified())
            .header("Expires", shared.headers().expires());
      }
      case OcspReply.Single _, OcspReply.Failure _ -> context.header("Cache-Control", "no-store");
    }
  }

  private static boolean isRequest(@Nullable String contentType) {
    return contentType != null && contentType.split(";", 2)[0].strip().equalsIgnoreCase(REQUEST);
  }

  /** RFC 9110 section 13.1.2: the comparison is a weak one. */
  private static boolean matches(@Nullable String ifNoneMatch, String entityTag) {
    return ifNoneMatch != null
        && List.of(ifNoneMatch.split(",")).stream()
            .map(tag -> tag.strip().replaceFirst("^W/", ""))
            .anyMatch(tag -> tag.equals("*") || tag.equals(entityTag));
  }
}
