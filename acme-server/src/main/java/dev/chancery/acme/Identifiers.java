package dev.chancery.acme;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.chancery.core.DnsName;
import dev.chancery.core.EmailName;
import dev.chancery.core.IpName;
import dev.chancery.core.Name;
import dev.chancery.core.OtherName;
import dev.chancery.core.Refused;
import dev.chancery.core.UriName;

/** Names as ACME writes them: a type and a value (RFC 8555 section 9.7.7, RFC 8738). */
final class Identifiers {
  static final String DNS = "dns";
  static final String IP = "ip";

  private Identifiers() {}

  /**
   * Reads an identifier, perhaps a wildcard.
   *
   * @throws AcmeProblem unsupportedIdentifier for another type, rejectedIdentifier for a value that
   *     is not of its type
   */
  static Name parse(String type, String value) throws AcmeProblem {
    try {
      return switch (type) {
        case DNS -> DnsName.parse(value);
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
      case OtherName other ->
          throw new IllegalArgumentException("an otherName is no ACME identifier");
    };
  }

  /** The identifier of an authorization, which has no wildcard label (RFC 8555 section 7.1.4). */
  static ObjectNode provenJson(Name name) {
    return json(name instanceof DnsName dns ? dns.base() : name);
  }

  static ObjectNode json(Name name) {
    return json(type(name), name.value());
  }

  static ObjectNode json(String type, String value) {
    return Json.object().put("type", type).put("value", value);
  }
}
