package dev.chancery.crl;

import dev.chancery.core.IssuerId;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Serves the CRLs over HTTP (RFC 5280 section 4.2.1.13, RFC 2585 section 4.2). */
public final class CrlResource {
  private static final Logger LOG = LoggerFactory.getLogger(CrlResource.class);
  private static final String CONTENT_TYPE = "application/pkix-crl";
  private static final DateTimeFormatter HTTP_DATE =
      DateTimeFormatter.ofPattern("EEE, dd MMM uuuu HH:mm:ss 'GMT'", Locale.ENGLISH)
          .withZone(ZoneOffset.UTC);

  private final CrlShelf shelf;
  private final Clock clock;
  private final Duration longestFreshness;

  /**
   * A resource.
   *
   * @param longestFreshness how long caches may keep a CRL, which can be replaced long before its
   *     nextUpdate; they never may keep it longer than until then
   */
  public CrlResource(CrlShelf shelf, Clock clock, Duration longestFreshness) {
    this.shelf = shelf;
    this.clock = clock;
    this.longestFreshness = longestFreshness;
  }

  /** Serves {@code <path>/<issuer>.crl}, where the path is one such as /crl. */
  public void mount(RoutesConfig routes, String path) {
    routes.get(path + "/{issuer}.crl", this::serve);
    routes.head(path + "/{issuer}.crl", this::serve);
  }

  private void serve(Context context) {
    Optional<CrlShelf.Copy> crl;
    try {
      crl = issuer(context.pathParam("issuer")).flatMap(shelf::current);
    } catch (RuntimeException e) {
      LOG.warn("no CRL, the ledger does not answer: {}", e.toString());
      context.status(503).header("Retry-After", "10").contentType("text/plain");
      context.header("Cache-Control", "no-store").result("try again later\n");
      return;
    }
    if (crl.isEmpty()) {
      context.status(404).contentType("text/plain").result("no such CRL\n");
      return;
    }
    serve(context, crl.get());
  }

  private void serve(Context context, CrlShelf.Copy crl) {
    Instant now = clock.instant();
    Duration left = Duration.between(now, crl.nextUpdate());
    Duration fresh = left.compareTo(longestFreshness) < 0 ? left : longestFreshness;
    long seconds = Math.max(0, fresh.toSeconds());
    String entityTag = '"' + crl.entityTag() + '"';
    // The entity tag is that of these very octets, so they are not compressed.
    context
        .disableCompression()
        .header("Cache-Control", "max-age=" + seconds + ", public, no-transform, must-revalidate")
        .header("Expires", HTTP_DATE.format(now.plusSeconds(seconds)))
        .header("Last-Modified", HTTP_DATE.format(crl.thisUpdate()))
        .header("ETag", entityTag);
    if (matches(context.header("If-None-Match"), entityTag)) {
      context.status(304);
      return;
    }
    context.contentType(CONTENT_TYPE);
    if (context.req().getMethod().equals("HEAD")) {
      context.res().setContentLength(crl.encoded().length);
    } else {
      context.result(crl.encoded());
    }
  }

  private static Optional<IssuerId> issuer(String name) {
    try {
      return Optional.of(new IssuerId(name));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  /** RFC 9110 section 13.1.2: the comparison is a weak one. */
  private static boolean matches(@Nullable String ifNoneMatch, String entityTag) {
    return ifNoneMatch != null
        && Stream.of(ifNoneMatch.split(","))
            .map(tag -> tag.strip().replaceFirst("^W/", ""))
            .anyMatch(tag -> tag.equals("*") || tag.equals(entityTag));
  }
}
