package dev.chancery.acme;

import dev.chancery.acme.Validator.Unmet;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.xbill.DNS.Name;
import org.xbill.DNS.Record;
import org.xbill.DNS.TXTRecord;
import org.xbill.DNS.TextParseException;
import org.xbill.DNS.Type;

/** The TXT records of a name. */
final class TextRecords {
  private static final int MOST_SHOWN = 5;
  private static final int LONGEST_SHOWN = 100;

  private final Dns dns;

  TextRecords(Dns dns) {
    this.dns = dns;
  }

  /**
   * Reads them, each with its strings joined (RFC 1464, as SPF and CAs do), one octet a character.
   *
   * @return at least one
   * @throws Unmet dns, with what came instead
   */
  List<String> of(String owner, Deadline deadline) throws Unmet {
    Name name;
    try {
      name = Name.fromString(owner + ".");
    } catch (TextParseException e) {
      throw new Unmet(AcmeError.DNS, owner + " is longer than a name can be", true);
    }
    return switch (dns.ask(name, Type.TXT, deadline).await()) {
      case Dns.Answer.Found(List<Record> records) -> {
        List<String> texts = new ArrayList<>();
        for (Record record : records) {
          if (record instanceof TXTRecord text) {
            texts.add(joined(text));
          }
        }
        if (texts.isEmpty()) {
          throw unmet(owner + " has no TXT record");
        }
        yield texts;
      }
      case Dns.Answer.NoSuchName(String none) ->
          throw unmet("NXDOMAIN: DNS knows no name " + none + alias(owner, none));
      case Dns.Answer.NoSuchRecord(String none) ->
          throw unmet(none + alias(owner, none) + " has no TXT record");
      case Dns.Answer.Astray(String why) -> throw unmet(owner + " has no TXT record: " + why);
      case Dns.Answer.Outage(String why) ->
          throw new Unmet(
              Validator.Outcome.NotMet.unknown(
                  AcmeError.DNS, "looking up the TXT records of " + owner + ": " + why));
    };
  }

  private static String joined(TXTRecord record) {
    ByteArrayOutputStream octets = new ByteArrayOutputStream();
    for (Object string : record.getStringsAsByteArrays()) {
      octets.writeBytes((byte[]) string);
    }
    return octets.toString(StandardCharsets.ISO_8859_1);
  }

  private static String alias(String owner, String name) {
    return name.equals(owner) ? "" : ", which " + owner + " is an alias of,";
  }

  private static Unmet unmet(String detail) {
    return new Unmet(AcmeError.DNS, detail, false);
  }

  /** Some of them, as a problem can show them. */
  static String shown(List<String> texts) {
    StringBuilder shown = new StringBuilder();
    for (String text : texts.subList(0, Math.min(MOST_SHOWN, texts.size()))) {
      shown.append(shown.isEmpty() ? "" : ", ").append(Seen.quoted(text, LONGEST_SHOWN));
    }
    return texts.size() <= MOST_SHOWN
        ? shown.toString()
        : shown + " and " + (texts.size() - MOST_SHOWN) + " more";
  }
}
