package dev.chancery.acme;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.chancery.core.DnsName;
import dev.chancery.core.IpName;
import dev.chancery.core.Name;
import dev.chancery.core.Refused;
import dev.chancery.testing.Mutation;
import java.util.List;

/** Names, and what names certificates and people (RFC 8555 sections 7.1.3, 7.3; RFC 8738). */
final class NameTargets {
  private NameTargets() {}

  /** Text from a list, changed. */
  abstract static class Text implements FuzzTarget {
    private final List<String> right;

    Text(String... right) {
      this.right = List.of(right);
    }

    @Override
    public byte[] mutant(Mutation mutation) {
      return mutation.text(mutation.one(right)).getBytes(UTF_8);
    }

    @Override
    public void read(byte[] mutant) throws AcmeProblem, Refused {
      read(new String(mutant, UTF_8));
    }

    abstract void read(String text) throws AcmeProblem, Refused;
  }

  /** DNS names: whatever is taken is spelled in the one way that certificates have. */
  static final class Dns extends Text {
    Dns() {
      super(
          "a.example",
          "WWW.Example.COM",
          "*.b.example",
          "xn--bcher-kva.example",
          "a-b.c-d.example",
          "1.2.3.example",
          "a".repeat(63) + ".example",
          ("a".repeat(49) + ".").repeat(5) + "exa");
    }

    @Override
    void read(String text) throws AcmeProblem {
      Name name = Identifiers.parse("dns", text);
      String value = name.value();
      require(name instanceof DnsName, "is no DNS name");
      require(value.matches("(\\*\\.)?[a-z0-9-]+(\\.[a-z0-9-]+)*"), "is not LDH: " + value);
      require(value.length() <= 253, "is too long");
      require(value.equalsIgnoreCase(text), "is another name: " + value);
      requireCanonical(name);
    }
  }

  /** IP addresses: whatever is taken is spelled as RFC 5952 does. */
  static final class Ip extends Text {
    Ip() {
      super(
          "192.0.2.7",
          "127.0.0.1",
          "255.255.255.255",
          "::",
          "::1",
          "2001:db8::1",
          "2001:db8:0:1:1:1:1:1",
          "fe80::1",
          "::ffff:192.0.2.1");
    }

    @Override
    void read(String text) throws AcmeProblem {
      Name name = Identifiers.parse("ip", text);
      require(name instanceof IpName, "is no IP address");
      require(name.value().equals(text), "is another spelling: " + name.value());
      requireCanonical(name);
    }
  }

  /** Contacts of accounts. */
  static final class Contact extends Text {
    Contact() {
      super(
          "mailto:admin@example.com",
          "MAILTO:a.b+c@xn--bcher-kva.example",
          "mailto:admin@example.com?subject=a",
          "mailto:a@example.com,b@example.com",
          "tel:+1-201-555-0123");
    }

    @Override
    void read(String text) throws AcmeProblem {
      Contacts.check(List.of(text));
      require(text.regionMatches(true, 0, "mailto:", 0, 7), "is no mailto");
      require(text.chars().allMatch(c -> c > 0x20 && c < 0x7f), "is not printable ASCII");
      require(text.indexOf('@') == text.lastIndexOf('@'), "has several addresses");
    }
  }

  /** What names a certificate in renewal information (RFC 9773 section 4.1). */
  static final class CertificateId extends Text {
    CertificateId() {
      super(
          "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE",
          "-wECAwQFBgc.AZ4",
          "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE_____________");
    }

    @Override
    void read(String text) throws AcmeProblem {
      CertificateIdentifier read = CertificateIdentifier.parse(text);
      require(read.text().equals(text), "is another one");
      require(
          text.endsWith("." + Base64Url.encode(read.serial().value().toByteArray())),
          "has another serial number");
    }
  }

  private static void requireCanonical(Name name) throws AcmeProblem {
    require(
        Identifiers.stored(Identifiers.type(name), name.value()).equals(name),
        "is stored as another name");
    try {
      require(Name.of(name.toGeneralName()).equals(name), "is certified as another name");
    } catch (Refused e) {
      throw new AssertionError("what was taken cannot be certified", e);
    }
  }

  private static void require(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError("what was taken " + what);
    }
  }
}
