package dev.chancery.server;

import dev.chancery.core.CertificateAuthority;
import dev.chancery.core.CertificateRecord;
import dev.chancery.core.Der;
import dev.chancery.core.DnsName;
import dev.chancery.core.IpName;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Name;
import dev.chancery.core.ProfileId;
import dev.chancery.core.Reason;
import dev.chancery.core.Refused;
import dev.chancery.core.SerialNumber;
import dev.chancery.core.TimeOrderedIds;
import dev.chancery.core.TokenAway;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateEncodingException;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x500.X500NameBuilder;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.cert.jcajce.JcaX509CertificateHolder;
import org.eclipse.jetty.util.ssl.SslContextFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The certificate of this server's own TLS listeners: issued by the default endpoint's issuer, kept
 * in the home over restarts, renewed when two thirds of its life are over, and swapped into the
 * listeners without touching open connections.
 */
final class ApiTls {
  private static final Logger LOG = LoggerFactory.getLogger(ApiTls.class);
  private static final ProfileId PROFILE = new ProfileId("api-server");

  private final CertificateAuthority authority;
  private final IssuerId issuer;
  private final Set<Name> names;
  private final Path file;
  private final Clock clock;
  private final TimeOrderedIds ids;

  /** The listeners, each with what it shows. */
  private final Map<SslContextFactory.Server, Credential> listeners = new LinkedHashMap<>();

  private Credential credential;

  /**
   * Takes up the certificate in the home, or has one issued.
   *
   * @param url where clients find the API; its host is among the certificate's names
   */
  ApiTls(
      CertificateAuthority authority,
      IssuerId issuer,
      BaseUrl url,
      Path file,
      Clock clock,
      TimeOrderedIds ids)
      throws ConfigurationInvalid, Refused, TokenAway {
    this.authority = authority;
    this.issuer = issuer;
    this.names = names(url);
    this.file = file;
    this.clock = clock;
    this.ids = ids;
    Credential kept = Credential.read(file).filter(this::serves).orElse(null);
    this.credential = kept != null ? kept : issue();
  }

  /** The settings of a TLS listener; its certificate follows the renewals. */
  synchronized SslContextFactory.Server listener() {
    SslContextFactory.Server factory = settings();
    listeners.put(factory, credential);
    return factory;
  }

  /** As {@link #listener}, for clients that show a certificate under one of these roots. */
  SslContextFactory.Server listenerForClientsOf(KeyStore roots) {
    SslContextFactory.Server factory = listener();
    factory.setNeedClientAuth(true);
    factory.setTrustStore(roots);
    return factory;
  }

  /** As {@link #listenerForClientsOf}, for clients that may also show none. */
  SslContextFactory.Server listenerForClientsWithOrWithout(KeyStore roots) {
    SslContextFactory.Server factory = listener();
    factory.setWantClientAuth(true);
    factory.setTrustStore(roots);
    return factory;
  }

  /**
   * Renews when it is time, when the certificate was revoked, or when another issuer or another
   * chain is to be shown. A listener that does not take its new certificate keeps no other from it,
   * and is given it again at the next call, without another being issued.
   *
   * @throws IllegalStateException when there is such a listener
   */
  synchronized void renewIfDue() throws ConfigurationInvalid, Refused, TokenAway {
    if (!clock.instant().isBefore(credential.renewAt())
        || isRevoked(credential)
        || !hasChainOfToday(credential)) {
      credential = issue();
      LOG.info("renewed the certificate of the api listeners");
    }
    List<Exception> failures = new ArrayList<>();
    for (Map.Entry<SslContextFactory.Server, Credential> listener : listeners.entrySet()) {
      if (listener.getValue().equals(credential)) {
        continue;
      }
      try {
        listener
            .getKey()
            .reload(
                changed -> ((SslContextFactory.Server) changed).setKeyStore(credential.keyStore()));
        listener.setValue(credential);
      } catch (Exception e) {
        failures.add(e);
      }
    }
    if (!failures.isEmpty()) {
      IllegalStateException failure =
          new IllegalStateException(
              "%d of %d listeners did not take the new certificate: %s"
                  .formatted(failures.size(), listeners.size(), failures.getFirst()));
      failures.forEach(failure::addSuppressed);
      throw failure;
    }
  }

  private SslContextFactory.Server settings() {
    SslContextFactory.Server factory = new SslContextFactory.Server();
    factory.setKeyStore(credential.keyStore());
    factory.setKeyStorePassword("");
    factory.setSniRequired(false);
    factory.setIncludeProtocols("TLSv1.3", "TLSv1.2");
    return factory;
  }

  private Credential issue() throws ConfigurationInvalid, Refused, TokenAway {
    X500Name subject = new X500NameBuilder().build();
    Credential fresh =
        Credential.issue(
            authority, issuer, PROFILE, subject, names, "tls of the api listeners", ids);
    fresh.write(file);
    return fresh;
  }

  private boolean isRevoked(Credential held) {
    SerialNumber serial = SerialNumber.of(held.certificate().getSerialNumber());
    return Stream.of(issuer, authority.active(issuer))
        .flatMap(one -> authority.find(one, serial).stream())
        .anyMatch(found -> found.state() == CertificateRecord.State.REVOKED);
  }

  /** Whether a kept certificate is from the issuer of today, for the names of today, and fresh. */
  private boolean serves(Credential kept) {
    try {
      GeneralNames held =
          GeneralNames.fromExtensions(
              new JcaX509CertificateHolder(kept.certificate()).getExtensions(),
              Extension.subjectAlternativeName);
      Set<GeneralName> wanted = new HashSet<>();
      names.forEach(name -> wanted.add(name.toGeneralName()));
      return clock.instant().isBefore(kept.renewAt())
          && !isRevoked(kept)
          && hasChainOfToday(kept)
          && wanted.equals(new HashSet<>(Arrays.asList(held.getNames())));
    } catch (GeneralSecurityException | RuntimeException e) {
      LOG.warn("the kept certificate of the api listeners is not usable: {}", e.getMessage());
      return false;
    }
  }

  private boolean hasChainOfToday(Credential held) {
    List<Der> today;
    try {
      today = authority.chains(authority.active(issuer)).getFirst();
    } catch (Refused e) {
      // Only other nodes serve the issuer of today: what is held goes on, for there is no other.
      LOG.warn("the certificate of the api listeners stays as it is: {}", e.getMessage());
      return true;
    }
    try {
      List<Der> above = new ArrayList<>();
      for (X509Certificate certificate : held.chain().subList(1, held.chain().size())) {
        above.add(Der.of(certificate.getEncoded()));
      }
      return above.equals(today);
    } catch (CertificateEncodingException e) {
      throw new IllegalStateException("a certificate cannot be encoded", e);
    }
  }

  /** The URL's host, and those of this machine that the issuer's name constraints leave. */
  private Set<Name> names(BaseUrl url) throws Refused {
    Set<Name> found = new LinkedHashSet<>();
    found.add(IpName.isMeant(url.host()) ? IpName.parse(url.host()) : DnsName.parse(url.host()));
    for (Name local : List.of(new DnsName("localhost"), IpName.parse("127.0.0.1"))) {
      if (isPermitted(local)) {
        found.add(local);
      }
    }
    return found;
  }

  private boolean isPermitted(Name name) {
    try {
      authority.requirePermitted(issuer, PROFILE, Set.of(name), Optional.empty(), Optional.empty());
      return true;
    } catch (Refused e) {
      if (e.reason() == Reason.BAD_VALIDITY) {
        // The issuer is at its end, and whether a certificate is needed before is not known yet.
        return true;
      }
      LOG.info("the certificate of the api listeners goes without {}", name.value());
      return false;
    }
  }
}
