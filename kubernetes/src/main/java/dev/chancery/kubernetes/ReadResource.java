package dev.chancery.kubernetes;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.CertificateAuthority;
import dev.chancery.core.CertificateRecord;
import dev.chancery.core.CrlLedger;
import dev.chancery.core.CrlName;
import dev.chancery.core.CrlScope;
import dev.chancery.core.Der;
import dev.chancery.core.IssuerId;
import dev.chancery.core.Octets;
import dev.chancery.core.Reason;
import dev.chancery.core.Refused;
import dev.chancery.core.SerialNumber;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Hands out certificates and CRLs; no token is needed, for they are public. */
final class ReadResource {
  /** A reply is in memory, some times over; a CRL can have any length. */
  private static final int LONGEST_CRL = 1024 * 1024;

  private static final String PEM = "application/pem-certificate-chain";

  private final CertificateAuthority authority;
  private final IssuerChains chains;
  private final CrlLedger crls;
  private final IssuerId standard;
  private final List<IssuerId> issuers;

  /**
   * @param standard the issuer of paths that name none
   * @param issuers those whose certificates the ledger knows
   */
  ReadResource(
      CertificateAuthority authority,
      IssuerChains chains,
      CrlLedger crls,
      IssuerId standard,
      List<IssuerId> issuers) {
    this.authority = authority;
    this.chains = chains;
    this.crls = crls;
    this.standard = standard;
    this.issuers = List.copyOf(issuers);
  }

  /** The issuer that a path names. */
  IssuerId issuer(String reference) throws VaultProblem {
    if (reference.equals("default")) {
      return standard;
    }
    return issuers.stream()
        .filter(issuer -> issuer.value().equals(reference))
        .findFirst()
        .orElseThrow(() -> VaultProblem.notFound("there is no such issuer"));
  }

  IssuerId standard() {
    return standard;
  }

  Reply der(IssuerId issuer) throws Refused {
    return Reply.of(200, "application/pkix-cert", chains.of(issuer).getFirst().bytes());
  }

  Reply pem(IssuerId issuer) throws Refused {
    return text(PEM, Pem.certificate(chains.of(issuer).getFirst()));
  }

  Reply chain(IssuerId issuer) throws Refused {
    return text(PEM, Pem.certificates(chains.of(issuer)));
  }

  Reply json(IssuerId issuer) throws Refused {
    List<Der> chain = chains.of(issuer);
    ObjectNode body = Reply.envelope();
    ObjectNode data = body.putObject("data").put("certificate", Pem.certificate(chain.getFirst()));
    ArrayNode above = data.putArray("ca_chain");
    chain.forEach(certificate -> above.add(Pem.certificate(certificate)));
    return Reply.json(200, body);
  }

  Reply crlDer(IssuerId issuer) throws VaultProblem {
    return Reply.of(200, "application/pkix-crl", crl(issuer).bytes());
  }

  Reply crlPem(IssuerId issuer) throws VaultProblem {
    return text("application/x-pem-file", Pem.crl(crl(issuer)));
  }

  private Der crl(IssuerId issuer) throws VaultProblem {
    CrlName name = CrlName.complete(CrlScope.unsharded(issuer));
    Octets encoded =
        crls.current(name)
            .orElseThrow(() -> VaultProblem.notFound("there is no CRL of this issuer yet"))
            .encoded();
    if (encoded.length() > LONGEST_CRL) {
      throw VaultProblem.notFound(
          "the CRL of this issuer is too long for this API; certificates say where it is");
    }
    try (InputStream in = encoded.open()) {
      return Der.of(in.readAllBytes());
    } catch (IOException e) {
      throw VaultProblem.unavailable("a newer CRL came while this one was read");
    }
  }

  /** What {@code cert/...} names: a serial number, or one of three words. */
  Reply certificate(String name) throws VaultProblem, Refused {
    return switch (name) {
      case "ca" -> json(standard);
      case "ca_chain" -> {
        ObjectNode body = Reply.envelope();
        body.putObject("data").put("certificate", Pem.certificates(chains.of(standard)));
        yield Reply.json(200, body);
      }
      case "crl" -> {
        ObjectNode body = Reply.envelope();
        body.putObject("data").put("certificate", Pem.crl(crl(standard)));
        yield Reply.json(200, body);
      }
      default -> issued(name);
    };
  }

  private Reply issued(String serial) throws Refused {
    // Vault writes serial numbers in file names, with hyphens.
    SerialNumber number = SerialNumber.parse(serial.replace('-', ':'));
    CertificateRecord found =
        issuers.stream()
            .flatMap(issuer -> authority.find(issuer, number).stream())
            .filter(record -> record.certificate().isPresent())
            .findFirst()
            .orElseThrow(() -> new Refused(Reason.NOT_FOUND, "there is no such certificate"));
    ObjectNode body = Reply.envelope();
    ObjectNode data =
        body.putObject("data")
            .put("certificate", Pem.certificate(found.certificate().orElseThrow()))
            .put("issuer_id", found.issuer().value())
            .put(
                "revocation_time",
                found.revocation().map(revoked -> revoked.at().getEpochSecond()).orElse(0L));
    found
        .revocation()
        .ifPresent(revoked -> data.put("revocation_time_rfc3339", revoked.at().toString()));
    return Reply.json(200, body);
  }

  private static Reply text(String type, String text) {
    return Reply.of(200, type, text.getBytes(StandardCharsets.US_ASCII));
  }
}
