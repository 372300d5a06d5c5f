package dev.chancery.server.ceremony;

import dev.chancery.core.KeyAlgorithm;
import dev.chancery.core.SubjectPublicKey;
import dev.chancery.core.TokenAway;
import dev.chancery.hsm.Finding;
import dev.chancery.hsm.KeyId;
import dev.chancery.hsm.Pkcs11Settings;
import dev.chancery.hsm.Pkcs11Token;
import dev.chancery.hsm.Token;
import dev.chancery.hsm.TokenCeremony;
import dev.chancery.hsm.TokenFlag;
import dev.chancery.hsm.TokenInfo;
import dev.chancery.hsm.TokenModule;
import dev.chancery.hsm.TokenName;
import dev.chancery.hsm.TokenObserver;
import dev.chancery.hsm.TokenUnusable;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The token that holds the root's key: initialized, opened and given its key, each once. */
final class RootToken {
  /** A token can take its time to make an RSA key. */
  private static final Duration LIMIT = Duration.ofMinutes(2);

  /**
   * The PKCS #11 module and the files with the PINs.
   *
   * @param officerPinFile only for a token that is initialized
   */
  record Access(
      Path library,
      Map<String, String> environment,
      Optional<String> initializeArguments,
      Path pinFile,
      Optional<Path> officerPinFile) {}

  private final Access access;
  private final CeremonyPlan.TokenPart plan;
  private final Transcript transcript;
  private final TokenModule module;

  private RootToken(
      Access access, CeremonyPlan.TokenPart plan, Transcript transcript, TokenModule module) {
    this.access = access;
    this.plan = plan;
    this.transcript = transcript;
    this.module = module;
  }

  /** Whether a token that is there can bear the mark of a ceremony. */
  static Finding check(Access access, CeremonyPlan.TokenPart plan) throws TokenUnusable, TokenAway {
    TokenModule module =
        TokenModule.load(
            access.library(), access.environment(), access.initializeArguments(), LIMIT);
    try (TokenCeremony login = module.open(plan.name(), access.pinFile())) {
      return login.checkNotes();
    }
  }

  /** The token that a plan names; only its module is loaded. */
  static RootToken of(Access access, CeremonyPlan.TokenPart plan, Transcript transcript)
      throws TokenUnusable, TokenAway {
    TokenModule module =
        TokenModule.load(
            access.library(), access.environment(), access.initializeArguments(), LIMIT);
    return new RootToken(access, plan, transcript, module);
  }

  /** Opens it, and initializes it before when the plan says so and it is not yet. */
  Token open() throws CeremonyRefused, TokenUnusable, TokenAway {
    if (plan.initialize() && transcript.state().tokenSerial().isEmpty()) {
      initialize();
    }
    TokenName name = name();
    TokenInfo info = module.token(name);
    Token token = Pkcs11Token.open(settings(name), TokenObserver.NONE);
    transcript.append(
        new TranscriptEntry.Opened(
            info.label(),
            info.serial(),
            info.manufacturer(),
            info.model(),
            info.firmwareVersion()));
    return token;
  }

  private TokenName name() {
    return new TokenName(
        Optional.of(plan.label()), transcript.state().tokenSerial().or(plan::serial));
  }

  /** Has the token, which was opened, bear a mark. */
  void mark(CeremonyMark mark) throws CeremonyRefused, TokenUnusable, TokenAway {
    try (TokenCeremony login = module.open(name(), access.pinFile())) {
      mark.put(login);
    }
  }

  private void initialize() throws CeremonyRefused, TokenUnusable, TokenAway {
    Path officer =
        access
            .officerPinFile()
            .orElseThrow(() ->
                new CeremonyRefused(
                    "the plan initializes the token: the security officer's PIN is missing"));
    List<TokenInfo> initialized =
        module.tokens().stream()
            .filter(token -> token.flags().contains(TokenFlag.INITIALIZED))
            .toList();
    Optional<TokenInfo> there = initialized.stream().filter(this::isLike).findFirst();
    Optional<TranscriptEntry.Initializing> begun = transcript.state().initializing();
    // 1. One that others made is never taken for the ceremony's own, in the first run or a later
    // one.
    if (there.isPresent()
        && (!isPlanned(there.get())
            || begun.map(before -> before.others().contains(there.get().serial())).orElse(true))) {
      throw new CeremonyRefused(
          "the token \"%s\" with serial number %s is there already: the plan initializes a new one"
              .formatted(there.get().label(), there.get().serial()));
    }
    if (begun.isEmpty()) {
      transcript.append(
          new TranscriptEntry.Initializing(
              plan.label(), initialized.stream().map(TokenInfo::serial).toList()));
    }

    // 2. The one that the run that ended has made, if it came so far, or half of it; else a new
    // one.
    TokenInfo made =
        there.isPresent()
            ? finished(there.get(), officer)
            : module.initialize(plan.name(), officer, access.pinFile());
    transcript.append(new TranscriptEntry.Initialized(made.label(), made.serial()));
  }

  private TokenInfo finished(TokenInfo there, Path officer) throws TokenUnusable, TokenAway {
    return there.flags().contains(TokenFlag.USER_PIN_SET)
        ? there
        : module.finishInitialization(
            new TokenName(Optional.of(there.label()), Optional.of(there.serial())),
            officer,
            access.pinFile());
  }

  /** Whether it is in the way of the token that the plan initializes. */
  private boolean isLike(TokenInfo token) {
    return token.label().equals(plan.label())
        || plan.serial().map(token.serial()::equals).orElse(false);
  }

  /** Whether it is all that the plan says of it. */
  private boolean isPlanned(TokenInfo token) {
    return token.label().equals(plan.label())
        && plan.serial().map(token.serial()::equals).orElse(true);
  }

  private Pkcs11Settings settings(TokenName name) throws CeremonyRefused {
    try {
      return new Pkcs11Settings(
          access.library(),
          name.label(),
          name.serial(),
          access.pinFile(),
          1,
          LIMIT,
          Pkcs11Settings.Place.PROCESS,
          access.environment(),
          access.initializeArguments());
    } catch (IllegalArgumentException e) {
      throw new CeremonyRefused(e.getMessage());
    }
  }

  /** The root's key, made when the transcript knows of none. */
  SubjectPublicKey key(Token token, KeyId id, KeyAlgorithm algorithm)
      throws CeremonyRefused, TokenUnusable, TokenAway {
    TranscriptState state = transcript.state();
    Optional<SubjectPublicKey> found = token.find(id);
    if (state.generated().isPresent()) {
      String known = state.generated().get().publicKey();
      if (found.isEmpty() || !encoded(found.get()).equals(known)) {
        throw new CeremonyRefused(
            "the key " + id + " of the token is not the one that the transcript knows");
      }
      return found.get();
    }
    if (!state.isGenerating()) {
      if (found.isPresent()) {
        throw new CeremonyRefused("the token has a key " + id + " that this ceremony did not make");
      }
      transcript.append(new TranscriptEntry.Generating(id.hex(), algorithm.toString()));
    }
    // A key that a run made just before it ended has signed nothing: that would stand there.
    SubjectPublicKey made = found.isPresent() ? found.get() : token.generate(id, algorithm);
    if (made.algorithm() != algorithm) {
      throw new CeremonyRefused("the key " + id + " is no " + algorithm + " key");
    }
    transcript.append(new TranscriptEntry.Generated(id.hex(), algorithm.toString(), encoded(made)));
    return made;
  }

  private static String encoded(SubjectPublicKey key) {
    return Base64.getEncoder().encodeToString(key.encoded().bytes());
  }
}
