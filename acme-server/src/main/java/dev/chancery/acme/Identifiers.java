package dev.chancery.acme;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.DnsName;
import dev.chancery.core.EmailName;
import dev.chancery.core.IpName;
import dev.chancery.core.Name;
import dev.chancery.core.Refused;
import dev.chancery.core.UriName;

/** Names as ACME writes them: a type and a value (RFC 8555 section 9.7.7, RFC 8738). */
final class Identifiers {
  static final String DNS = "dns";
  static final String IP = "ip";

  private Identifiers() {}

  /**
   * Reads an identifier.
   *
   * @throws AcmeProblem unsupportedIdentifier for another type, rejectedIdentifier for a value that
   *     is not of its type or that no challenge here can prove
   */
  static Name parse(String type, String value) throws AcmeProblem {
    try {
      return switch (type) {
        case DNS -> {
          DnsName name = DnsName.parse(value);
          if (name.isWildcard()) {
            // RFC 8555 section 8.3: http-01 proves one host, never all names below a domain.
            throw new AcmeProblem(
                AcmeError.REJECTED_IDENTIFIER,
                "no challenge that this server offers can prove control of a wildcard name");
          }
          yield name;
        }
        case IP -> IpName.parse(value);
        default ->
            throw new AcmeProblem(
                AcmeError.UNSUPPORTED_IDENTIFIER, "identifiers are of type dns or ip here");
      };
    } catch (Refused e) {
      throw new AcmeProblem(Problem.of(e));
    }
  }

  /** A name that was parsed before it was stored. */
  static Name stored(String type, String value) {
    try {
      return type.equals(IP) ? IpName.parse(value) : DnsName.parse(value);
    } catch (Refused e) {
      throw new IllegalStateException("a stored name cannot be read", e);
    }
  }

  static String type(Name name) {
    return switch (name) {
      case DnsName dns -> DNS;
      case IpName ip -> IP;
      case UriName uri -> throw new IllegalArgumentException("a URI is no ACME identifier");
      case EmailName email ->
          throw new IllegalArgumentException("a mail address is no ACME identifier");
    };
  }

  static ObjectNode json(Name name) {
    return json(type(name), name.value());
  }

  static ObjectNode json(String type, String value) {
    return Json.object().put("type", type).put("value", value);
  }
}
