package dev.chancery.server.ceremony;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The people who sign the plan and the transcript with their OpenSSH keys, FIDO keys included, and
 * how many of them must. Every signature is checked by ssh-keygen(1), section "-Y verify".
 */
final class Witnesses {
  /** How the name of a file with a signature ends. */
  static final String SIGNATURE = ".sig";

  /** What is signed, so that a signature over one kind of file never counts for another. */
  enum Purpose {
    PLAN("chancery-plan"),
    TRANSCRIPT("chancery-transcript"),
    MANIFEST("chancery-manifest");

    private final String namespace;

    Purpose(String namespace) {
      this.namespace = namespace;
    }

    String namespace() {
      return namespace;
    }
  }

  private static final int MOST = 20;
  private static final long LIMIT_SECONDS = 30;

  // One name and one key: no patterns of names, no options, no certificate authorities.
  private static final Pattern LINE =
      Pattern.compile(
          "([A-Za-z0-9][A-Za-z0-9._-]{0,39}) +((?:sk-)?(?:ssh|ecdsa)-[a-z0-9@.-]+)"
              + " +([A-Za-z0-9+/]+={0,2})(?: .*)?");

  private final int threshold;
  private final Map<String, String> keys;

  private Witnesses(int threshold, Map<String, String> keys) {
    this.threshold = threshold;
    this.keys = keys;
  }

  /**
   * Reads a file of allowed signers (ssh-keygen(1)): a name, a kind of key and a key on each line.
   *
   * @param threshold how many of them must sign
   * @throws IllegalArgumentException when it is anything else, names one or a key twice, or has too
   *     few of them
   */
  static Witnesses parse(int threshold, String allowedSigners) {
    Map<String, String> keys = new LinkedHashMap<>();
    for (String line : allowedSigners.lines().map(String::strip).toList()) {
      if (line.isEmpty() || line.startsWith("#")) {
        continue;
      }
      Matcher matcher = LINE.matcher(line);
      if (!matcher.matches()) {
        throw new IllegalArgumentException(
            "each line must be a name, a kind of key and a key, as in: anna ssh-ed25519 AAAA...");
      }
      String key = matcher.group(2) + " " + matcher.group(3);
      if (keys.containsValue(key)) {
        throw new IllegalArgumentException("two witnesses have the same key");
      }
      if (keys.put(matcher.group(1), key) != null) {
        throw new IllegalArgumentException("two witnesses are called " + matcher.group(1));
      }
    }
    if (threshold < 1 || threshold > keys.size() || keys.size() > MOST) {
      throw new IllegalArgumentException(
          threshold + " of " + keys.size() + " witnesses: 1 to " + MOST + ", and no more than are");
    }
    return new Witnesses(threshold, keys);
  }

  int threshold() {
    return threshold;
  }

  List<String> names() {
    return List.copyOf(keys.keySet());
  }

  /** The name of the file with a witness's signature over a file. */
  static String signatureFile(String file, String witness) {
    return file + "." + witness + SIGNATURE;
  }

  /** What a witness types to sign a file. */
  static String command(String file, String witness, Purpose purpose) {
    return "ssh-keygen -Y sign -n %s -f KEY %s && mv %s.sig %s"
        .formatted(purpose.namespace(), file, file, signatureFile(file, witness));
  }

  /**
   * Refuses a file that too few have signed, or one of whose signatures is wrong.
   *
   * @param files where the file's signatures are looked for, by the witnesses' names
   * @param needed how many signatures there must be
   * @return who signed
   */
  List<String> require(Source files, String file, Purpose purpose, int needed)
      throws CeremonyRefused {
    byte[] content = files.read(file);
    List<String> signed = new ArrayList<>();
    for (String witness : keys.keySet()) {
      String signature = signatureFile(file, witness);
      if (files.has(signature)) {
        if (!verifies(witness, content, files.read(signature), purpose)) {
          throw new CeremonyRefused(
              signature + ": not the signature of witness " + witness + " over " + file);
        }
        signed.add(witness);
      }
    }
    if (signed.size() < needed) {
      throw new CeremonyRefused(
          "%s is signed by %d of %d witnesses (%s), and %d must: missing of %s"
              .formatted(
                  file,
                  signed.size(),
                  keys.size(),
                  signed.isEmpty() ? "none" : String.join(", ", signed),
                  needed,
                  String.join(
                      ", ",
                      keys.keySet().stream().filter(name -> !signed.contains(name)).toList())));
    }
    return signed;
  }

  /** As {@link #require(Source, String, Purpose, int)}, by as many as the plan wants. */
  List<String> require(Source files, String file, Purpose purpose) throws CeremonyRefused {
    return require(files, file, purpose, threshold);
  }

  private boolean verifies(String witness, byte[] content, byte[] signature, Purpose purpose)
      throws CeremonyRefused {
    try {
      Path folder = Files.createTempDirectory("chancery-witness");
      Path signers = folder.resolve("allowed-signers");
      Path signed = folder.resolve("signature");
      try {
        Files.writeString(signers, witness + " " + keys.get(witness) + "\n");
        Files.write(signed, signature);
        Process process =
            new ProcessBuilder(
                    "ssh-keygen",
                    "-Y",
                    "verify",
                    "-q",
                    "-f",
                    signers.toString(),
                    "-I",
                    witness,
                    "-n",
                    purpose.namespace(),
                    "-s",
                    signed.toString())
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        try (OutputStream in = process.getOutputStream()) {
          in.write(content);
        } catch (IOException e) {
          // A signature that is none ends the program before it has read everything.
          return false;
        }
        if (!process.waitFor(LIMIT_SECONDS, TimeUnit.SECONDS)) {
          process.destroyForcibly();
          throw new CeremonyRefused("ssh-keygen does not end");
        }
        return process.exitValue() == 0;
      } finally {
        Files.deleteIfExists(signers);
        Files.deleteIfExists(signed);
        Files.deleteIfExists(folder);
      }
    } catch (IOException e) {
      throw new CeremonyRefused(
          "signatures cannot be checked: ssh-keygen (OpenSSH 8.2 or later) is missing");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new CeremonyRefused("interrupted");
    }
  }
}
