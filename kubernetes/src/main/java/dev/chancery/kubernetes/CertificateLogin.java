package dev.chancery.kubernetes;

import dev.chancery.core.CertificateAuthority;
import dev.chancery.core.CertificateRecord;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Name;
import dev.chancery.core.NamePolicy;
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
    try (LoginGate.Pass _ = gate.login()) {
      Body body = Body.of(context);
      Object shown = context.req().getAttribute("jakarta.servlet.request.X509Certificate");
      if (!(shown instanceof X509Certificate[] chain) || chain.length == 0) {
        throw VaultProblem.badRequest("client certificate must be supplied");
      }
      SerialNumber serial = SerialNumber.of(chain[0].getSerialNumber());
      Set<Name> names = names(chain[0], serial);
      Optional<String> wanted = body.text("name");
      List<Role> candidates =
          wanted.isPresent() ? roles.named(wanted.get()).stream().toList() : roles.list();
      Role role =
          candidates.stream()
              .filter(candidate -> admits(candidate, names))
              .findFirst()
              .orElseThrow(() ->
                  VaultProblem.forbidden("no role admits the names of this client certificate"));
      gate.requireReady(role);
      return LoginReply.of(
          tokens.make(role, "role " + role.name() + ", certificate " + serial), role);
    }
  }

  /** The names of a certificate that may authenticate its holder now. */
  private Set<Name> names(X509Certificate certificate, SerialNumber serial) throws VaultProblem {
    try {
      byte[] encoded = certificate.getEncoded();
      boolean valid =
          issuers.stream()
              .flatMap(issuer -> authority.find(issuer, serial).stream())
              .filter(found -> found.state() == CertificateRecord.State.ISSUED)
              .filter(found -> found.notAfter().isAfter(clock.instant()))
              .flatMap(found -> found.certificate().stream())
              .anyMatch(known -> Arrays.equals(known.bytes(), encoded));
      JcaX509CertificateHolder holder = new JcaX509CertificateHolder(certificate);
      ExtendedKeyUsage usage = ExtendedKeyUsage.fromExtensions(holder.getExtensions());
      if (!valid || usage == null || !usage.hasKeyPurposeId(KeyPurposeId.id_kp_clientAuth)) {
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
      return names;
    } catch (CertificateEncodingException | Refused e) {
      throw VaultProblem.forbidden("the certificate cannot be read");
    }
  }

  /** All names must be admitted: who has one among many of others does not speak for them. */
  private static boolean admits(Role role, Set<Name> names) {
    Optional<NamePolicy> policy = role.logins().certificates().map(NameRules::policy);
    if (policy.isEmpty() || names.isEmpty()) {
      return false;
    }
    try {
      policy.get().require(names);
      return true;
    } catch (Refused e) {
      return false;
    }
  }
}
