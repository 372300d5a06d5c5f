package dev.chancery.acme;

import dev.chancery.core.EmailName;
import dev.chancery.core.Refused;
import java.util.List;
import java.util.Locale;

/** The contacts of an account: mailto: with one address and no header fields (section 7.3). */
final class Contacts {
  private static final String SCHEME = "mailto:";
  private static final int MOST = 10;

  private Contacts() {}

  /**
   * The contacts as they came.
   *
   * @throws AcmeProblem unsupportedContact or invalidContact
   */
  static List<String> check(List<String> contacts) throws AcmeProblem {
    if (contacts.size() > MOST) {
      throw new AcmeProblem(
          AcmeError.INVALID_CONTACT, "an account may have " + MOST + " contacts at most");
    }
    for (String contact : contacts) {
      if (!contact.toLowerCase(Locale.ROOT).startsWith(SCHEME)) {
        throw new AcmeProblem(AcmeError.UNSUPPORTED_CONTACT, "contacts must be mailto: URLs");
      }
      String address = contact.substring(SCHEME.length());
      // A question mark begins header fields and a comma a second address; RFC 6068 has both
      // percent-encoded inside an address.
      if (address.contains("?") || address.contains(",") || address.contains("%")) {
        throw new AcmeProblem(
            AcmeError.INVALID_CONTACT,
            "a mailto: contact must have one plain address and no header fields");
      }
      try {
        EmailName.parse(address);
      } catch (Refused e) {
        throw new AcmeProblem(Problem.of(AcmeError.INVALID_CONTACT, e));
      }
    }
    return List.copyOf(contacts);
  }
}
