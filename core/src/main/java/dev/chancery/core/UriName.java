package dev.chancery.core;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.regex.Pattern;
import org.bouncycastle.asn1.x509.GeneralName;

/**
 * An absolute URI with a scheme and an authority, in ASCII (RFC 5280 section 4.2.1.6), without the
 * segments . and .. (RFC 3986 section 3.3), by which it would mean another one than it says.
 */
public record UriName(String value) implements Name {
  private static final int LONGEST = 2048;
  private static final Pattern DOT_SEGMENT =
      Pattern.compile("(^|.*/)(\\.|%2e){1,2}(/.*|$)", Pattern.CASE_INSENSITIVE);

  public UriName {
    try {
      URI uri = new URI(value);
      if (value.length() > LONGEST
          || uri.getScheme() == null
          || uri.getRawAuthority() == null
          || DOT_SEGMENT.matcher(uri.getRawPath()).matches()
          || !value.chars().allMatch(c -> c > 0x20 && c < 0x7f)) {
        throw new IllegalArgumentException("not an absolute URI");
      }
    } catch (URISyntaxException e) {
      throw new IllegalArgumentException("not a URI", e);
    }
  }

  /**
   * Reads a URI.
   *
   * @throws Refused when it is not one in the form above
   */
  public static UriName parse(String text) throws Refused {
    try {
      return new UriName(text);
    } catch (IllegalArgumentException e) {
      throw new Refused(
          Reason.REJECTED_NAME,
          DnsName.quoted(text) + " is not an absolute URI with a scheme and an authority");
    }
  }

  @Override
  public Kind kind() {
    return Kind.URI;
  }

  @Override
  public GeneralName toGeneralName() {
    return new GeneralName(GeneralName.uniformResourceIdentifier, value);
  }
}
