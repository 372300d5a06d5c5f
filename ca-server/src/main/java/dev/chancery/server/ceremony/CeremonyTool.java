package dev.chancery.server.ceremony;

import dev.chancery.core.Refused;
import dev.chancery.core.TokenAway;
import dev.chancery.hsm.Finding;
import dev.chancery.hsm.TokenUnusable;
import dev.chancery.server.ConfigurationInvalid;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Clock;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.bouncycastle.cert.X509CertificateHolder;

/** The ceremonies of an offline root, as the command line and the server's side of it see them. */
public final class CeremonyTool {
  private final Console console;
  private final Clock clock;
  private final SecureRandom random;
  private final String version;

  /**
   * @param version of this program, for the transcript
   */
  public CeremonyTool(Console console, Clock clock, SecureRandom random, String version) {
    this.console = console;
    this.clock = clock;
    this.random = random;
    this.version = version;
  }

  /**
   * The token's side of a ceremony.
   *
   * @param environment set before the library is loaded
   * @param officerPinFile the security officer's PIN; only when the token is to be initialized
   */
  public record TokenAccess(
      Path library,
      Map<String, String> environment,
      Optional<String> initializeArguments,
      Path pinFile,
      Optional<Path> officerPinFile) {
    public TokenAccess {
      environment = Map.copyOf(environment);
    }

    private RootToken.Access access() {
      return new RootToken.Access(
          library, environment, initializeArguments, pinFile, officerPinFile);
    }
  }

  /**
   * Reads a plan with the files beside it, and says in plain words what would be made.
   *
   * @throws CeremonyRefused when a file beside it is not what the plan wants
   */
  public List<String> checkPlan(Path directory) throws CeremonyRefused, ConfigurationInvalid {
    Folder folder = new Folder(directory);
    byte[] octets = folder.read(CeremonyPlan.FILE);
    CeremonyPlan plan = PlanFile.read(folder.path(CeremonyPlan.FILE), octets, false);
    for (CeremonyPlan.Input input : plan.inputs()) {
      byte[] _ = input.read(folder);
    }
    Map<CeremonyPlan.Item, Keys.Subject> subjects = new LinkedHashMap<>();
    for (CeremonyPlan.Item item : plan.items()) {
      subjects.put(item, Keys.of(item, folder));
    }
    Optional<X509CertificateHolder> earlier = EarlierRoots.certificate(plan, folder);
    if (earlier.isPresent()) {
      Clock then = Clock.fixed(plan.until(), ZoneOffset.UTC);
      EarlierRoots.requireBelow(earlier.get(), plan, subjects, then, random);
    }
    List<String> lines = new ArrayList<>(Words.plan(plan));
    lines.add("SHA-256 of the plan: " + Digests.sha256(octets));
    lines.add("Each witness signs it with");
    for (String witness : plan.witnesses().names()) {
      lines.add("  " + Witnesses.command(CeremonyPlan.FILE, witness, Witnesses.Purpose.PLAN));
    }
    return lines;
  }

  /**
   * Looks beforehand whether the token of a plan can bear the mark of a ceremony; for one that is
   * there already.
   *
   * @return what was seen, in words
   * @throws CeremonyRefused when the ceremony would be refused for it
   */
  public String checkToken(Path directory, TokenAccess token)
      throws CeremonyRefused, ConfigurationInvalid, TokenUnusable, TokenAway {
    Folder folder = new Folder(directory);
    CeremonyPlan plan =
        PlanFile.read(folder.path(CeremonyPlan.FILE), folder.read(CeremonyPlan.FILE), false);
    if (plan.token().initialize()) {
      return "The token is yet to be initialized: chancery token check looks at one of its make.";
    }
    Finding seen = RootToken.check(token.access(), plan.token());
    if (seen.level() != Finding.Level.PASS && plan.token().marked()) {
      throw new CeremonyRefused(
          seen.detail()
              + " (a plan with token.marks: none goes without, and says what that means)");
    }
    return "Token, %s: %s".formatted(seen.subject(), seen.detail());
  }

  /** The SHA-256 digest of a file, as a plan has it. */
  public static String digest(Path file) throws CeremonyRefused {
    Path whole = file.toAbsolutePath();
    return Digests.sha256(
        new Folder(Objects.requireNonNull(whole.getParent()))
            .read(Objects.requireNonNull(whole.getFileName()).toString()));
  }

  /** Writes the manifest of a directory that is to be carried to another machine. */
  public void writeManifest(Path directory) throws CeremonyRefused, ConfigurationInvalid {
    Folder folder = new Folder(directory);
    CeremonyPlan plan =
        PlanFile.read(folder.path(CeremonyPlan.FILE), folder.read(CeremonyPlan.FILE), false);
    Manifest.write(folder);
    console.say("written: " + folder.path(Manifest.FILE) + "; one witness signs it with");
    for (String witness : plan.witnesses().names()) {
      console.say("  " + Witnesses.command(Manifest.FILE, witness, Witnesses.Purpose.MANIFEST));
    }
  }

  /**
   * Runs a ceremony to its end, or goes on with one.
   *
   * @param in the directory that was carried here
   * @param out the directory of the transcript and the results
   * @param isRehearsal whether this is to be one, whose transcript is put into {@code in}
   * @throws CeremonyRefused when anything is not as the plan wants it
   */
  public void run(Path in, Path out, boolean isRehearsal, TokenAccess token)
      throws CeremonyRefused, ConfigurationInvalid, TokenUnusable, TokenAway, Refused {
    new Ceremony(
            new Ceremony.Places(new Folder(in), new Folder(out), isRehearsal),
            token.access(),
            Machine.here(
                version,
                Optional.ofNullable(System.getProperty("chancery.distribution"))
                    .map(folder -> Path.of(folder).toAbsolutePath().normalize()),
                System.getProperty("java.class.path")),
            console,
            clock,
            random,
            Folder::append)
        .run();
  }

  /** Where a ceremony stands, line by line. */
  public List<String> status(Path directory) throws CeremonyRefused {
    TranscriptState state = TranscriptState.of(whole(new Folder(directory).read(Transcript.FILE)));
    List<String> lines = new ArrayList<>();
    state
        .begun()
        .ifPresent(begun ->
            lines.add(
                "%s ceremony %s, plan %s".formatted(begun.mode(), begun.ceremony(), begun.plan())));
    state.tokenSerial().ifPresent(serial -> lines.add("token: serial number " + serial));
    state
        .marking()
        .ifPresent(mark ->
            lines.add(
                "mark: transcript %s%s"
                    .formatted(
                        mark.transcript(), state.isMarked() ? "" : ", not known to be made")));
    if (state.isUnmarked()) {
      lines.add("mark: none, as the plan says");
    }
    state.generated().ifPresent(key -> lines.add("key: " + key.keyId()));
    state.made().forEach(item -> lines.add("signed: " + item));
    state.abandoned().forEach(item -> lines.add("given up: " + item));
    state.inDoubt().forEach(item -> lines.add("in doubt: " + item + ", the next run gives it up"));
    state.notMade().forEach(item -> lines.add("not made: " + item));
    lines.add(end(state));
    return lines;
  }

  /** What is to be done; when the plan expires stands in the plan, which is not there yet. */
  private static String end(TranscriptState state) {
    if (state.isCompleted()) {
      return state.late().isPresent() ? "ended, late: nothing more is made" : "complete";
    }
    if (state.late().isPresent()) {
      return "late: run it again, and it ends with what is left not made";
    }
    return state.actedUnder().isPresent()
        ? "not complete: run it again; after the plan's until that ends it, with what is left not"
            + " made"
        : "not complete: run it again; the token was not used, so that after the plan's until there"
            + " is nothing to end, and another plan is needed";
  }

  /** A line that is being written, or was when a run ended, is not there yet. */
  private static byte[] whole(byte[] text) {
    int end = text.length;
    while (end > 0 && text[end - 1] != '\n') {
      end--;
    }
    return Arrays.copyOf(text, end);
  }

  /**
   * Checks a finished ceremony from its directory alone.
   *
   * @param carried whether it must have a signed manifest, as one that came from another machine
   * @throws CeremonyRefused for the first thing that is wrong
   */
  public static Outcome verify(Path directory, boolean carried)
      throws CeremonyRefused, ConfigurationInvalid {
    return new Outcome(Verification.verify(new Folder(directory), carried));
  }
}
