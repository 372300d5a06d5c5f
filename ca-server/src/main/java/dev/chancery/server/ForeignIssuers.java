package dev.chancery.server;

import dev.chancery.core.Refused;
import dev.chancery.core.SigningScheme;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import dev.chancery.hsm.OcspKey;
import dev.chancery.hsm.TokenUnusable;
import dev.chancery.ocsp.ForeignSigner;
import dev.chancery.ocsp.ForeignStatuses;
import dev.chancery.ocsp.ServedIssuer;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.bouncycastle.cert.X509CertificateHolder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** CAs that are not run here, and whose certificates the OCSP responder answers for. */
final class ForeignIssuers implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ForeignIssuers.class);
  private static final Duration TO_CONNECT = Duration.ofSeconds(30);

  /** How often a CRL is asked for that there is none of yet. */
  private static final Duration FIRST = Duration.ofSeconds(10);

  private static final Duration ONE_DOWNLOAD = Duration.ofMinutes(1);

  /** One, with what has to be done for it again and again. */
  record Foreign(
      ServedIssuer served, RootWatch.Signer signer, ForeignStatuses statuses, Duration refresh) {}

  private final HttpClient http = HttpClient.newBuilder().connectTimeout(TO_CONNECT).build();
  private final List<Foreign> all = new ArrayList<>();

  private ForeignIssuers() {}

  /**
   * Takes up those of a configuration. A CRL that is not to be had is waited for: until then there
   * are no answers for that CA, and everything else works.
   */
  static ForeignIssuers open(Home home, Configuration configuration, OpenTokens tokens, Clock clock)
      throws ConfigurationInvalid, TokenUnusable, TokenAway {
    ForeignIssuers issuers = new ForeignIssuers();
    try {
      for (Configuration.ForeignSection section : configuration.ocsp().foreign()) {
        if (OfflineRoot.isRequested(home, section)) {
          LOG.warn("the OCSP signer of {} has no certificate yet", section.name());
        } else {
          issuers.all.add(issuers.open(home, section, tokens, clock));
        }
      }
      return issuers;
    } catch (ConfigurationInvalid | TokenUnusable | TokenAway | RuntimeException e) {
      issuers.close();
      throw e;
    }
  }

  private Foreign open(
      Home home, Configuration.ForeignSection section, OpenTokens tokens, Clock clock)
      throws ConfigurationInvalid, TokenUnusable, TokenAway {
    X509CertificateHolder authority = only(home.resolve(section.certificate()));
    X509CertificateHolder certificate = only(home.resolve(section.signerCertificate()));
    ForeignStatuses statuses =
        new ForeignStatuses(section.name().value(), authority, origin(home, section), clock);
    ServedIssuer served =
        new ServedIssuer(
            section.name(),
            authority,
            new ForeignSigner(
                key(section, authority, certificate, tokens, clock.instant()), certificate, clock),
            statuses);
    Foreign foreign =
        new Foreign(
            served, new RootWatch.Signer(section.name(), certificate), statuses, section.refresh());
    if (!isUrl(section)) {
      boolean _ = refresh(foreign);
    }
    return foreign;
  }

  private static OcspKey key(
      Configuration.ForeignSection section,
      X509CertificateHolder authority,
      X509CertificateHolder certificate,
      OpenTokens tokens,
      Instant now)
      throws ConfigurationInvalid, TokenUnusable, TokenAway {
    try {
      ForeignSigner.requireDelegated(certificate, authority);
      if (!now.isBefore(certificate.getNotAfter().toInstant())) {
        throw new IllegalArgumentException("the OCSP signer's certificate has expired");
      }
      SubjectPublicKey key = SubjectPublicKey.of(certificate.getSubjectPublicKeyInfo());
      return tokens
          .ofForeignKey(section)
          .ocspKey(section.signerKeyId(), key, SigningScheme.of(key.algorithm(), false));
    } catch (IllegalArgumentException | Refused e) {
      throw section.place().refused("signerCertificate", String.valueOf(e.getMessage()));
    }
  }

  private static X509CertificateHolder only(Path file) throws ConfigurationInvalid {
    List<X509CertificateHolder> certificates = PemFile.certificates(file);
    if (certificates.size() != 1) {
      throw new ConfigurationInvalid(file + ": holds more than one certificate");
    }
    return certificates.getFirst();
  }

  private static boolean isUrl(Configuration.ForeignSection section) {
    return section.crl().startsWith("http://") || section.crl().startsWith("https://");
  }

  private ForeignStatuses.Origin origin(Home home, Configuration.ForeignSection section)
      throws ConfigurationInvalid {
    if (!isUrl(section)) {
      Path file = home.resolve(Path.of(section.crl()));
      return () -> {
        try (InputStream content = Files.newInputStream(file)) {
          return read(content);
        }
      };
    }
    try {
      URI url = URI.create(section.crl());
      HttpRequest request = HttpRequest.newBuilder(url).build();
      return () -> {
        HttpResponse<byte[]> answer = whole(http, request, ONE_DOWNLOAD);
        if (answer.statusCode() != 200) {
          throw new IOException(url + " answers " + answer.statusCode());
        }
        return answer.body();
      };
    } catch (IllegalArgumentException e) {
      throw section.place().refused("crl", "neither a file nor an http or https URL");
    }
  }

  /** The answer with its body; a request's own limit is for the headers alone. */
  static HttpResponse<byte[]> whole(HttpClient http, HttpRequest request, Duration longest)
      throws IOException, InterruptedException {
    CompletableFuture<HttpResponse<byte[]>> answer =
        http.sendAsync(
            request, BodyHandlers.limiting(BodyHandlers.ofByteArray(), ForeignStatuses.LONGEST));
    try {
      return answer.get(longest.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      throw new IOException(request.uri() + ": " + e.getCause(), e);
    } catch (TimeoutException e) {
      throw new IOException(request.uri() + ": no whole answer in " + longest, e);
    } finally {
      // Ends what is still coming.
      answer.cancel(true);
    }
  }

  private static byte[] read(InputStream content) throws IOException {
    byte[] read = content.readNBytes(ForeignStatuses.LONGEST + 1);
    if (read.length > ForeignStatuses.LONGEST) {
      throw new IOException("the CRL has more than " + ForeignStatuses.LONGEST + " octets");
    }
    return read;
  }

  List<Foreign> all() {
    return List.copyOf(all);
  }

  /**
   * Has the CRLs be read again and again from now on.
   *
   * @param afterwards called when statuses may be others than before
   */
  void keepFresh(PeriodicWork work, Runnable afterwards) {
    for (Foreign each : all) {
      String name = "crl of " + each.served().id();
      PeriodicWork.Work refresh =
          () -> {
            if (refresh(each)) {
              afterwards.run();
            }
          };
      // The first one may be this very server's to give, as that of an offline root is: it answers
      // only now that it has started, and until there is one nobody gets an answer.
      work.aside("first " + name, refresh);
      work.everywhere(
          "first " + name,
          each.refresh().compareTo(FIRST) < 0 ? each.refresh() : FIRST,
          () -> {
            if (!each.statuses().isKnown()) {
              refresh.run();
            }
          });
      work.everywhere(name, each.refresh(), refresh);
    }
  }

  /** Reads a CRL anew; whether statuses may be others than before. */
  private static boolean refresh(Foreign foreign) {
    try {
      return foreign.statuses().refresh();
    } catch (IOException e) {
      LOG.warn("statuses of {} stay as they are: {}", foreign.served().id(), e.toString());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return false;
  }

  @Override
  public void close() {
    http.close();
  }
}
