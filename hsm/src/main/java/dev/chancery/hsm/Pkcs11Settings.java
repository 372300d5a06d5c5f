package dev.chancery.hsm;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Which token to use, and how. A token is named by what is written on it, never by a slot number:
 * those change when a token is added.
 *
 * @param library the PKCS #11 module
 * @param label the token's label; this or the serial number must be there
 * @param serial the token's serial number
 * @param pinFile holds the user PIN, with or without a line end
 * @param signingThreads how many signatures may be made at once
 * @param signingTimeLimit how long a caller waits for a signature, the wait for a thread included
 * @param place where the module's code runs
 * @param environment what the module reads from the environment, such as SOFTHSM2_CONF; set before
 *     the module is loaded
 * @param initializeArguments what the module is given by C_Initialize; NSS has its database named
 *     in it
 */
public record Pkcs11Settings(
    Path library,
    Optional<String> label,
    Optional<String> serial,
    Path pinFile,
    int signingThreads,
    Duration signingTimeLimit,
    Place place,
    Map<String, String> environment,
    Optional<String> initializeArguments) {
  /** Where the code of a vendor's module runs. */
  public enum Place {
    /**
     * In this process, from a copy of its file: a new one for each time that the token was lost.
     */
    PROCESS,
    /**
     * Behind {@code p11-kit server}, and the library is p11-kit's client: a crash of the module is
     * not one of this process. Each signing thread has a connection of its own.
     */
    P11_KIT_SERVER
  }

  // What SunPKCS11's configuration syntax takes as it stands: no blanks, quotes, $ or line ends.
  private static final Pattern LIBRARY = Pattern.compile("/[A-Za-z0-9._/+@:,~-]+");
  private static final Pattern VARIABLE = Pattern.compile("[A-Za-z_][A-Za-z0-9_]*");

  public Pkcs11Settings {
    if (!LIBRARY.matcher(library.toString()).matches()) {
      throw new IllegalArgumentException(
          "the token's library must be an absolute path of letters, digits and ._/+@:,~- alone, not"
              + " "
              + library);
    }
    if (label.isEmpty() && serial.isEmpty()) {
      throw new IllegalArgumentException("a token needs a label or a serial number");
    }
    TokenThreads.check(signingThreads, signingTimeLimit);
    environment = Map.copyOf(environment);
    environment.forEach(Pkcs11Settings::checkVariable);
    if (initializeArguments.filter(text -> text.indexOf('\0') >= 0).isPresent()) {
      throw new IllegalArgumentException("the arguments of C_Initialize hold a zero octet");
    }
  }

  /** For a module that needs to be told nothing, as most. */
  public Pkcs11Settings(
      Path library,
      Optional<String> label,
      Optional<String> serial,
      Path pinFile,
      int signingThreads,
      Duration signingTimeLimit,
      Place place,
      Map<String, String> environment) {
    this(
        library,
        label,
        serial,
        pinFile,
        signingThreads,
        signingTimeLimit,
        place,
        environment,
        Optional.empty());
  }

  private static void checkVariable(String name, String value) {
    if (!VARIABLE.matcher(name).matches() || value.indexOf('\0') >= 0) {
      throw new IllegalArgumentException("not an environment variable: " + name);
    }
  }

  /** What is written on the token. */
  TokenName name() {
    return new TokenName(label, serial);
  }

  /** The token, for logs and error messages. */
  String description() {
    return name().toString();
  }
}
