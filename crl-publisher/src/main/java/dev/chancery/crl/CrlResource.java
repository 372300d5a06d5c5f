package dev.chancery.crl;

import dev.chancery.core.CrlName;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import java.io.IOException;
import java.nio.file.NoSuchFileException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
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

  /** Serves the CRLs at their {@link CrlName#path} below a path such as /crl. */
  public void mount(RoutesConfig routes, String path) {
    for (String below : List.of("/{issuer}", "/{issuer}/{list}")) {
      routes.get(path + below, this::serve);
      routes.head(path + below, this::serve);
    }
  }

  private void serve(Context context) throws IOException {
    Optional<CrlShelf.Copy> crl;
    try {
      crl = CrlName.ofPath(path(context)).flatMap(shelf::current);
    } catch (RuntimeException e) {
      LOG.warn("no CRL, neither the ledger nor a copy can be read: {}", e.toString());
      context.status(503).header("Retry-After", "10").contentType("text/plain");
      context.header("Cache-Control", "no-store").result("try again later\n");
      return;
    }
    if (crl.isEmpty()) {
      context.status(404).contentType("text/plain").result("no such CRL\n");
      return;
    }
    try {
      serve(context, crl.get());
    } catch (NoSuchFileException e) {
      // It was replaced between the look at the shelf and this, which may have been about a part.
      context.status(200).removeHeader("Content-Range");
      serve(context, shelf.lastKnown(crl.get().name()).orElseThrow());
    }
  }

  private static String path(Context context) {
    String issuer = context.pathParam("issuer");
    String list = context.pathParamMap().get("list");
    return list == null ? issuer : issuer + "/" + list;
  }

  private void serve(Context context, CrlShelf.Copy crl) throws IOException {
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
        .header("Accept-Ranges", "bytes")
        .header("ETag", entityTag);
    if (matches(context.header("If-None-Match"), entityTag)) {
      context.status(304);
      return;
    }
    switch (ByteRange.parse(range(context, entityTag), crl.length())) {
      case ByteRange.Wish.Whole() -> send(context, crl, new ByteRange(0, crl.length()));
      case ByteRange.Wish.Part(ByteRange part) -> {
        context.status(206).header("Content-Range", part.contentRange(crl.length()));
        send(context, crl, part);
      }
      case ByteRange.Wish.NotSatisfiable() ->
          context.status(416).header("Content-Range", "bytes */" + crl.length());
    }
  }

  /** Defined for GET alone (RFC 9110 section 14.2), and void when If-Range is for another CRL. */
  private static Optional<String> range(Context context, String entityTag) {
    String condition = context.header("If-Range");
    boolean asked = context.req().getMethod().equals("GET");
    return asked && (condition == null || condition.equals(entityTag))
        ? Optional.ofNullable(context.header("Range"))
        : Optional.empty();
  }

  private static void send(Context context, CrlShelf.Copy crl, ByteRange range) throws IOException {
    context.contentType(CONTENT_TYPE);
    context.res().setContentLengthLong(range.length());
    if (!context.req().getMethod().equals("HEAD")) {
      context.result(new FilePart(crl.file(), range));
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
