package dev.chancery.crl;

import dev.chancery.core.CrlLedger;
import dev.chancery.core.CrlName;
import dev.chancery.core.IssuerId;
import dev.chancery.core.SerialNumber;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
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

  /** What is at the URL of a CRL. */
  public sealed interface Look {
    /**
     * A CRL of the issuer.
     *
     * @param newest whether it is, octet for octet, the newest one that was published
     */
    record Seen(URI url, SeenCrl crl, boolean newest) implements Look {}

    /** Nothing that a relying party could use. */
    record Unusable(URI url, String why) implements Look {}
  }

  private final Map<IssuerId, CrlIssuer> issuers = new TreeMap<>();
  private final CrlLedger ledger;
  private final CrlShelf shelf;
  private final HttpClient http =
      HttpClient.newBuilder()
          .connectTimeout(Duration.ofSeconds(5))
          .followRedirects(HttpClient.Redirect.NORMAL)
          .build();

  public PublicCrls(List<CrlIssuer> issuers, CrlLedger ledger, CrlShelf shelf) {
    issuers.forEach(issuer -> this.issuers.put(issuer.id(), issuer));
    this.ledger = ledger;
    this.shelf = shelf;
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

  /** The URL that new certificates name, or that complete CRLs name for their delta CRL. */
  public Optional<URI> url(CrlName name) {
    List<URI> locations = ledger.locations(name.scope());
    return locations.isEmpty()
        ? Optional.empty()
        : Optional.of(CrlBuild.location(name, locations.getLast()));
  }

  /**
   * Fetches a CRL.
   *
   * @param about certificates of which it is to be said whether the list has them
   * @return empty when there is no such CRL here, or nobody was told of a URL for it
   */
  public Optional<Look> look(CrlName name, Set<SerialNumber> about) throws InterruptedException {
    CrlIssuer issuer = issuers.get(name.scope().issuer());
    Optional<URI> url = url(name);
    if (issuer == null || url.isEmpty()) {
      return Optional.empty();
    }
    Optional<CrlShelf.Copy> newest = shelf.refresh(name);
    try {
      SeenCrl seen = fetch(url.get(), issuer, about);
      boolean same = newest.filter(copy -> copy.sha256().equals(seen.sha256())).isPresent();
      return Optional.of(new Look.Seen(url.get(), seen, same));
    } catch (IOException e) {
      LOG.debug("the CRL at {} cannot be used", url.get(), e);
      String why = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
      return Optional.of(new Look.Unusable(url.get(), why));
    }
  }

  private SeenCrl fetch(URI url, CrlIssuer issuer, Set<SerialNumber> about)
      throws IOException, InterruptedException {
    HttpResponse<InputStream> response =
        http.send(
            HttpRequest.newBuilder(url).timeout(BEGIN).build(),
            HttpResponse.BodyHandlers.ofInputStream());
    try (InputStream body = response.body()) {
      if (response.statusCode() != 200) {
        throw new IOException("the answer is " + response.statusCode());
      }
      CompletableFuture<Void> limit = CompletableFuture.runAsync(() -> end(body), LATE);
      try {
        return SeenCrl.read(body, issuer.key().publicKey(), issuer.key().scheme(), LONGEST, about);
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
