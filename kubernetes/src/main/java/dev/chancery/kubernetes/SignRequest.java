package dev.chancery.kubernetes;

import dev.chancery.core.Csr;
import dev.chancery.core.DnsName;
import dev.chancery.core.EmailName;
import dev.chancery.core.IpName;
import dev.chancery.core.Name;
import dev.chancery.core.Refused;
import dev.chancery.core.UriName;
import java.io.IOException;
import java.io.StringReader;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.bouncycastle.util.io.pem.PemObject;
import org.bouncycastle.util.io.pem.PemReader;

/**
 * What is asked of a sign path. The CSR says what is wanted; of the other fields, those that repeat
 * it are compared with it: who sends both must mean the same by them.
 *
 * @param names what the certificate is to hold
 * @param lifetime empty when the request leaves it open
 */
record SignRequest(Csr csr, Set<Name> names, Optional<Duration> lifetime) {

  /**
   * Reads a request.
   *
   * @throws VaultProblem 400, when a field is malformed or contradicts the CSR
   * @throws Refused when the CSR cannot be certified whoever asks
   */
  static SignRequest of(Body body) throws VaultProblem, Refused {
    String format = body.text("format").orElse("pem");
    if (!format.equals("pem")) {
      throw VaultProblem.badRequest("the only format of certificates here is pem");
    }
    Csr csr = Csr.parse(der(body.required("csr")));
    Set<Name> names = new LinkedHashSet<>(csr.names());
    if (!body.flag("exclude_cn_from_sans")) {
      addCommonNames(csr, names);
    }
    requireSame(body, csr);
    return new SignRequest(csr, names, body.duration("ttl"));
  }

  private static byte[] der(String pem) throws VaultProblem {
    try (PemReader reader = new PemReader(new StringReader(pem))) {
      PemObject object = reader.readPemObject();
      if (object != null
          && object.getType().matches("(NEW )?CERTIFICATE REQUEST")
          && reader.readPemObject() == null) {
        return object.getContent();
      }
    } catch (IOException | RuntimeException e) {
      // Refused below; Bouncy Castle reports malformed input by unchecked exceptions as well.
    }
    throw VaultProblem.badRequest("csr is not one CERTIFICATE REQUEST in PEM (RFC 7468)");
  }

  /** As clients of Vault expect it: a common name that can be one is a DNS name as well. */
  private static void addCommonNames(Csr csr, Set<Name> names) {
    for (String commonName : csr.commonNames()) {
      try {
        names.add(DnsName.parse(commonName));
      } catch (Refused e) {
        // It is a name of another kind, or no name at all.
      }
    }
  }

  private static void requireSame(Body body, Csr csr) throws VaultProblem {
    Optional<String> commonName = body.text("common_name");
    if (commonName.isPresent()
        && !csr.commonNames().contains(commonName.get())
        && csr.names().stream().noneMatch(name -> name.value().equals(commonName.get()))) {
      throw differs("common_name");
    }
    for (String text : body.list("alt_names")) {
      requireHeld(csr, "alt_names", text, text.contains("@") ? EmailName::parse : DnsName::parse);
    }
    for (String text : body.list("ip_sans")) {
      requireHeld(csr, "ip_sans", text, IpName::parse);
    }
    for (String text : uris(body, csr)) {
      requireHeld(csr, "uri_sans", text, UriName::parse);
    }
    List<String> others = body.list("other_sans");
    for (String text : others) {
      if (csr.names().stream().noneMatch(name -> name.value().equals(text))) {
        throw differs("other_sans");
      }
    }
  }

  /**
   * Commas stand between URIs, and may stand in them: the CSR says which is which. What comes in
   * more parts than the CSR could make is refused unread, and a part is compared only with those
   * URIs that begin with it: this must not take longer because a list is long.
   */
  private static List<String> uris(Body body, Csr csr) throws VaultProblem {
    List<String> parts = body.list("uri_sans");
    Map<String, List<List<String>>> named = new HashMap<>();
    int most = csr.commonNames().size();
    for (Name name : csr.names()) {
      List<String> own = List.of(name.value().split(",", -1));
      most += own.size();
      named.computeIfAbsent(own.getFirst(), first -> new ArrayList<>()).add(own);
    }
    if (parts.size() > most) {
      throw differs("uri_sans");
    }
    List<String> uris = new ArrayList<>();
    for (int from = 0, to; from < parts.size(); from = to) {
      to = from + 1;
      for (List<String> own : named.getOrDefault(parts.get(from), List.of())) {
        int end = from + own.size();
        if (end > to && end <= parts.size() && parts.subList(from, end).equals(own)) {
          to = end;
        }
      }
      uris.add(String.join(",", parts.subList(from, to)));
    }
    return uris;
  }

  private interface Parser {
    Name parse(String text) throws Refused;
  }

  private static void requireHeld(Csr csr, String field, String text, Parser parser)
      throws VaultProblem {
    try {
      Name name = parser.parse(text);
      // A common name is repeated there by clients that leave it out of the CSR's names.
      if (csr.names().contains(name)
          || csr.commonNames().stream().anyMatch(name.value()::equalsIgnoreCase)) {
        return;
      }
    } catch (Refused e) {
      // No name, and so none of the CSR's.
    }
    throw differs(field);
  }

  private static VaultProblem differs(String field) {
    return VaultProblem.badRequest(
        field + " has a name that the CSR does not have; the CSR is what is signed");
  }
}
