package dev.chancery.crl;

import dev.chancery.core.CrlLedger;
import dev.chancery.core.CrlName;
import dev.chancery.core.IssuerId;
import dev.chancery.core.SerialNumber;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigInteger;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Looks at CRLs as the world does: fetches them from the URL that certificates name, and compares
 * them with what was published.
 */
public final class PublicCrls implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(PublicCrls.class);

  /** Until the answer begins. */
  private static final Duration BEGIN = Duration.ofSeconds(30);

  /** Until it has ended: whatever stands at the URL, a look has an end. */
  private static final Duration END = Duration.ofMinutes(2);

  private static final Executor LATE =
      CompletableFuture.delayedExecutor(END.toMillis(), TimeUnit.MILLISECONDS);

  /** Longer than any CRL here can be, so that what answers there cannot keep this busy for ever. */
  private static final long LONGEST = 2L * 1024 * 1024 * 1024;

  /** For how long a list is not fetched again while the server says that it is the same. */
  private static final Duration WHOLE_AGAIN = Duration.ofHours(1);

  private static final int OK = 200;
  private static final int NOT_MODIFIED = 304;

  /** What is at a URL of a CRL. */
  public sealed interface Look {
    URI url();

    /** Whether relying parties find the newest CRL there, and can use it. */
    default boolean isGood() {
      return this instanceof Seen seen && seen.newest() && seen.problem().isEmpty();
    }

    /**
     * A CRL.
     *
     * @param newest whether it is, octet for octet, the newest one that was published
     * @param problem why relying parties cannot use it now (RFC 5280 section 6.3.3), if so
     */
    record Seen(URI url, SeenCrl crl, boolean newest, Optional<String> problem) implements Look {}

    /** Nothing that a relying party could use. */
    record Unusable(URI url, String why) implements Look {}
  }

  /**
   * A list that was fetched whole, and what the server calls it.
   *
   * @param about what was looked for in it
   * @param at when, in nanoseconds
   */
  private record Known(String entityTag, SeenCrl crl, Set<SerialNumber> about, long at) {}

  private final Map<URI, Known> known = new ConcurrentHashMap<>();
  private final Map<IssuerId, CrlIssuer> issuers = new TreeMap<>();
  private final CrlLedger ledger;
  private final CrlShelf shelf;
  private final Clock clock;
  private final HttpClient http =
      HttpClient.newBuilder()
          .connectTimeout(Duration.ofSeconds(5))
          .followRedirects(HttpClient.Redirect.NORMAL)
          .build();

  public PublicCrls(List<CrlIssuer> issuers, CrlLedger ledger, CrlShelf shelf, Clock clock) {
    issuers.forEach(issuer -> this.issuers.put(issuer.id(), issuer));
    this.ledger = ledger;
    this.shelf = shelf;
    this.clock = clock;
  }

  /** Every CRL that there is, or should be. */
  public List<CrlName> names() {
    return issuers.values().stream()
        .flatMap(issuer ->
            ledger.scopes(issuer.id()).stream()
                .flatMap(scope ->
                    issuer.settings().delta().isPresent()
                        ? Stream.of(CrlName.complete(scope), CrlName.delta(scope))
                        : Stream.of(CrlName.complete(scope))))
        .toList();
  }

  /** The newest published CRL of a name, as this node has it. */
  public Optional<CrlShelf.Copy> published(CrlName name) {
    return shelf.refresh(name);
  }

  /** The newest published CRL of a name that this node has seen; asks nobody. */
  public Optional<CrlShelf.Copy> lastKnown(CrlName name) {
    return shelf.lastKnown(name);
  }

  /** The URL that new certificates name, or that complete CRLs name for their delta CRL. */
  public Optional<URI> url(CrlName name) {
    List<URI> locations = ledger.locations(name.scope());
    return locations.isEmpty()
        ? Optional.empty()
        : Optional.of(CrlBuild.location(name, locations.getLast()));
  }

  /**
   * Fetches a CRL from wherever certificates say that it is; a delta CRL from where complete ones
   * say so. The last look is at the {@link #url}.
   *
   * @param about certificates of which it is to be said whether the list has them
   * @return empty when there is no such CRL here, or nobody was told of a URL for it
   */
  public List<Look> look(CrlName name, Set<SerialNumber> about) throws InterruptedException {
    CrlIssuer issuer = issuers.get(name.scope().issuer());
    List<URI> locations = ledger.locations(name.scope());
    if (issuer == null || locations.isEmpty()) {
      return List.of();
    }
    Optional<CrlShelf.Copy> newest = shelf.refresh(name);
    List<Look> looks = new ArrayList<>();
    for (URI location : name.delta() ? List.of(locations.getLast()) : locations) {
      URI url = CrlBuild.location(name, location);
      try {
        SeenCrl seen = fetch(url, issuer, about);
        boolean same = newest.filter(copy -> copy.sha256().equals(seen.sha256())).isPresent();
        looks.add(new Look.Seen(url, seen, same, problem(name, location, seen)));
      } catch (IOException e) {
        LOG.debug("the CRL at {} cannot be used", url, e);
        String why = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        looks.add(new Look.Unusable(url, why));
      }
    }
    return looks;
  }

  /**
   * What keeps relying parties from a list.
   *
   * @param location the URL of the complete list, which the scope of both is named by
   */
  private Optional<String> problem(CrlName name, URI location, SeenCrl seen) {
    Instant now = clock.instant();
    if (!seen.ofIssuer()) {
      return Optional.of("it is not the issuer's, by name or key identifier");
    }
    if (!seen.verified()) {
      return Optional.of("its signature is not one of the issuer");
    }
    if (now.isBefore(seen.thisUpdate())) {
      return Optional.of("it begins at " + seen.thisUpdate());
    }
    if (!now.isBefore(seen.nextUpdate())) {
      return Optional.of("it has ended at " + seen.nextUpdate());
    }
    if (seen.base().isPresent() != name.delta()) {
      return Optional.of(name.delta() ? "it is not a delta CRL" : "it is a delta CRL");
    }
    boolean named = seen.distributionPoint().contains(location.toString());
    boolean partitioned = ledger.scopes(name.scope().issuer()).size() > 1;
    if (!named && (partitioned || !seen.distributionPoint().isEmpty())) {
      return Optional.of("its IssuingDistributionPoint does not name " + location);
    }
    Optional<BigInteger> complete =
        shelf.refresh(CrlName.complete(name.scope())).map(CrlShelf.Copy::number);
    return seen.base()
        .filter(base -> complete.filter(number -> number.compareTo(base) >= 0).isEmpty())
        .map(base -> "there is no complete CRL of its base or later");
  }

  private SeenCrl fetch(URI url, CrlIssuer issuer, Set<SerialNumber> about)
      throws IOException, InterruptedException {
    Optional<Known> last =
        Optional.ofNullable(known.get(url))
            .filter(it -> it.about().containsAll(about))
            .filter(it -> System.nanoTime() - it.at() < WHOLE_AGAIN.toNanos());
    HttpRequest.Builder request = HttpRequest.newBuilder(url).timeout(BEGIN);
    last.ifPresent(it -> request.header("If-None-Match", it.entityTag()));
    HttpResponse<InputStream> response =
        http.send(request.build(), HttpResponse.BodyHandlers.ofInputStream());
    try (InputStream body = response.body()) {
      if (response.statusCode() == NOT_MODIFIED && last.isPresent()) {
        return last.get().crl();
      }
      known.remove(url);
      if (response.statusCode() != OK) {
        throw new IOException("the answer is " + response.statusCode());
      }
      CompletableFuture<Void> limit = CompletableFuture.runAsync(() -> end(body), LATE);
      try {
        SeenCrl crl = SeenCrl.read(body, issuer, LONGEST, about);
        response
            .headers()
            .firstValue("ETag")
            .ifPresent(tag -> known.put(url, new Known(tag, crl, about, System.nanoTime())));
        return crl;
      } finally {
        limit.cancel(false);
      }
    }
  }

  /** Makes whoever reads it fail. */
  private static void end(InputStream body) {
    try {
      body.close();
    } catch (IOException e) {
      LOG.debug("while a look was ended", e);
    }
  }

  @Override
  public void close() {
    http.shutdownNow();
  }
}
