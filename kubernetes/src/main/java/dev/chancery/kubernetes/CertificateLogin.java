package dev.chancery.kubernetes;

import dev.chancery.core.CertificateAuthority;
import dev.chancery.core.CertificateRecord;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Name;
import dev.chancery.core.Refused;
import dev.chancery.core.SerialNumber;
import io.javalin.http.Context;
import java.io.IOException;
import java.security.cert.CertificateEncodingException;
import java.security.cert.X509Certificate;
import java.time.Clock;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.bouncycastle.asn1.x509.ExtendedKeyUsage;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.asn1.x509.KeyPurposeId;
import org.bouncycastle.cert.jcajce.JcaX509CertificateHolder;

/**
 * Logs in with a certificate of this CA, shown in the TLS handshake. The handshake has proven its
 * key and its chain; that it is not revoked the ledger itself says.
 */
final class CertificateLogin {
  private final LoginGate gate;
  private final Roles roles;
  private final Tokens tokens;
  private final CertificateAuthority authority;
  private final List<IssuerId> issuers;
  private final Clock clock;

  /**
   * @param issuers those whose certificates the ledger knows
   */
  CertificateLogin(
      LoginGate gate,
      Roles roles,
      Tokens tokens,
      CertificateAuthority authority,
      List<IssuerId> issuers,
      Clock clock) {
    this.gate = gate;
    this.roles = roles;
    this.tokens = tokens;
    this.authority = authority;
    this.issuers = List.copyOf(issuers);
    this.clock = clock;
  }

  Reply reply(Context context) throws VaultProblem, IOException {
    // Before the place is taken: who sends slowly holds none.
    Body body = Body.of(context);
    try (LoginGate.Pass _ = gate.enter()) {
      Object shown = context.req().getAttribute("jakarta.servlet.request.X509Certificate");
      if (!(shown instanceof X509Certificate[] chain) || chain.length == 0) {
        throw VaultProblem.badRequest("client certificate must be supplied");
      }
      SerialNumber serial = SerialNumber.of(chain[0].getSerialNumber());
      Shown certificate = certificate(chain[0], serial);
      Optional<String> wanted = body.text("name");
      List<Role> candidates =
          wanted.isPresent() ? roles.named(wanted.get()).stream().toList() : roles.list();
      Role role =
          candidates.stream()
              .filter(candidate -> admits(candidate, certificate))
              .findFirst()
              .orElseThrow(() ->
                  VaultProblem.forbidden("no role admits the names of this client certificate"));
      gate.requireReady(role);
      return LoginReply.of(
          tokens.make(role, "role " + role.name() + ", certificate " + serial), role);
    }
  }

  /** A certificate that may authenticate its holder now. */
  private record Shown(IssuerId issuer, Set<Name> names) {}

  private Shown certificate(X509Certificate certificate, SerialNumber serial) throws VaultProblem {
    try {
      byte[] encoded = certificate.getEncoded();
      Optional<IssuerId> issuer =
          issuers.stream().filter(each -> isGood(each, serial, encoded)).findFirst();
      JcaX509CertificateHolder holder = new JcaX509CertificateHolder(certificate);
      ExtendedKeyUsage usage = ExtendedKeyUsage.fromExtensions(holder.getExtensions());
      if (issuer.isEmpty()
          || usage == null
          || !usage.hasKeyPurposeId(KeyPurposeId.id_kp_clientAuth)) {
        throw VaultProblem.forbidden(
            "the certificate is none of this CA for TLS clients, or is revoked");
      }
      GeneralNames held =
          GeneralNames.fromExtensions(holder.getExtensions(), Extension.subjectAlternativeName);
      Set<Name> names = new LinkedHashSet<>();
      if (held != null) {
        for (GeneralName name : held.getNames()) {
          names.add(Name.of(name));
        }
      }
      return new Shown(issuer.get(), names);
    } catch (CertificateEncodingException | Refused e) {
      throw VaultProblem.forbidden("the certificate cannot be read");
    }
  }

  private boolean isGood(IssuerId issuer, SerialNumber serial, byte[] encoded) {
    return authority
        .find(issuer, serial)
        .filter(found -> found.state() == CertificateRecord.State.ISSUED)
        .filter(found -> found.notAfter().isAfter(clock.instant()))
        .flatMap(CertificateRecord::certificate)
        .filter(known -> Arrays.equals(known.bytes(), encoded))
        .isPresent();
  }

  /** All names must be admitted: who has one among many of others does not speak for them. */
  private boolean admits(Role role, Shown certificate) {
    Optional<CertificateHolders> holders = role.logins().certificates();
    if (holders.isEmpty()
        || certificate.names().isEmpty()
        || !authority
            .active(certificate.issuer())
            .equals(authority.active(holders.get().issuer()))) {
      return false;
    }
    try {
      holders.get().names().policy().require(certificate.names());
      return true;
    } catch (Refused e) {
      return false;
    }
  }
}
