package dev.chancery.core;

import java.util.Locale;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.bouncycastle.asn1.x509.GeneralName;

/**
 * A lower-case host name of letter-digit-hyphen labels, internationalized ones as A-labels, without
 * a trailing dot; the left-most label may be a wildcard (RFC 8555 section 7.1.4, RFC 5890).
 */
public record DnsName(String value) implements Name {
  private static final Pattern LABELS =
      Pattern.compile(
          "(\\*\\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?");
  // A name whose last label is a number reads as an IPv4 address in URLs.
  private static final Pattern NUMERIC_END = Pattern.compile("(.*\\.)?(0x[0-9a-f]*|[0-9]+)");
  private static final String A_LABEL = "xn--";
  // Hyphens in the third and fourth place are reserved (RFC 5891 section 4.2.3.1).
  private static final Pattern RESERVED = Pattern.compile("(.*\\.)?(?!xn)[a-z0-9-]{2}--.*");

  public DnsName {
    if (value.length() > 253
        || !LABELS.matcher(value).matches()
        || NUMERIC_END.matcher(value).matches()
        || RESERVED.matcher(value).matches()
        || !hasALabelsOnly(value)) {
      throw new IllegalArgumentException("not a DNS name");
    }
  }

  /** RFC 5890 section 2.3.2.1: a label that begins as an A-label is one. */
  private static boolean hasALabelsOnly(String value) {
    return Stream.of(value.split("\\.", -1))
        .filter(label -> label.startsWith(A_LABEL))
        .allMatch(label -> Punycode.isWellFormed(label.substring(A_LABEL.length())));
  }

  /**
   * Reads a DNS name of either case.
   *
   * @throws Refused when it is not one in the form above
   */
  public static DnsName parse(String text) throws Refused {
    try {
      // Beyond ASCII there are letters that lower-casing turns into ASCII ones (the Kelvin sign).
      if (!text.chars().allMatch(c -> c < 0x80)) {
        throw new IllegalArgumentException("not ASCII");
      }
      return new DnsName(text.toLowerCase(Locale.ROOT));
    } catch (IllegalArgumentException e) {
      throw new Refused(Reason.REJECTED_NAME, quoted(text) + " is not a DNS name");
    }
  }

  public boolean isWildcard() {
    return value.startsWith("*.");
  }

  /** The name without its wildcard label: what a client must prove control of. */
  public DnsName base() {
    return isWildcard() ? new DnsName(value.substring(2)) : this;
  }

  @Override
  public Kind kind() {
    return Kind.DNS;
  }

  @Override
  public GeneralName toGeneralName() {
    return new GeneralName(GeneralName.dNSName, value);
  }

  /** Text from outside, shortened and stripped of what could disturb a log or a terminal. */
  static String quoted(String text) {
    String head = text.length() > 80 ? text.substring(0, 80) + "..." : text;
    return "\"" + head.replaceAll("[^\\x20-\\x7e]", "?") + "\"";
  }
}
