// Puts the page together: signing in and out, the chart beside the conversation.

import { announce, byId } from "./dom.js";
import { createApi } from "./api.js";
import { Conversation } from "./conversation.js";
import { showChart } from "./chart-view.js";
import { showNextSteps, showPreventiveCare } from "./care-view.js";
import { dateWords } from "./words.js";

const api = createApi();
const conversation = new Conversation({
  api,
  onSignedOut: () => signOut("Your session has ended. Sign in again to go on."),
});

byId("demo-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await signIn((await api.signInDemo()).token);
  } catch (error) {
    if (error.status === 404) {
      // Not a development server: the portal's own sign-in gives the token.
      byId("demo-form").hidden = true;
      byId("token-form").hidden = false;
      byId("token").focus();
    } else {
      signInFailed(error);
    }
  }
});

byId("token-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const token = byId("token").value.trim();
  byId("token").value = "";
  try {
    await signIn(token);
  } catch (error) {
    signInFailed(error);
  }
});

byId("sign-out").addEventListener("click", () => signOut(""));

async function signIn(token) {
  api.useToken(token);
  const me = await api.me();
  const modelRuns = Boolean(me.model) && me.model !== "none";
  showPerson(me, modelRuns);
  await conversation.start({ modelRuns });
  byId("greeting").focus();
  announce("You are signed in.");
  await showRecord();
}

function showPerson(me, modelRuns) {
  const name = me.name || "the patient";
  message("");
  byId("sign-in").hidden = true;
  byId("patient").hidden = false;
  byId("chart").hidden = false;
  byId("account").hidden = false;
  byId("layout").classList.add("signed-in");
  byId("account-name").textContent = me.birth_date ? `${name}, born ${dateWords(me.birth_date)}` : name;
  byId("greeting").textContent = me.proxy ? `Asking for ${name}` : me.name ? `Hello, ${me.name}` : "Hello";
  byId("acting").hidden = !me.proxy;
  byId("acting").textContent = me.proxy
    ? `You are using ${name}'s chart as their caregiver. What you open is recorded under your own name.`
    : "";
  byId("model-note").textContent = modelRuns
    ? `Plainer words by ${me.model}, running in this hospital. Each sentence is checked against the guidance before it is shown.`
    : "No language model is running. Answers are the guidance's own sentences.";
}

/** The parts of the record that this server offers; a part that fails leaves the others as they are. */
async function showRecord() {
  const part = async (fetching, show, failed = () => {}) => {
    try {
      show(await fetching);
    } catch (error) {
      if (error.status === 401) signOut("Your session has ended. Sign in again to go on.");
      else failed(error);
    }
  };
  await Promise.all([
    part(
      api.chart(),
      (chart) => showChart(byId("chart-groups"), chart, explain),
      (error) => {
        byId("chart-groups").textContent =
          error.status === 404 ? "There is no chart for you here yet." : "Your chart is not available here right now.";
      },
    ),
    // Not every server has these yet: the panel is simply left out.
    part(api.nextSteps(), (steps) => showNextSteps(byId("next-steps"), steps)),
    part(api.preventiveCare(), (care) => showPreventiveCare(byId("preventive-care"), care)),
  ]);
}

/** "Explain this": the prepared explanation where the server has one, else the same question asked. */
async function explain({ kind, id, name }) {
  try {
    const explanation = await (kind === "result" ? api.explainResult(id) : api.explainCondition(id));
    conversation.showExplanation(name, explanation);
  } catch (error) {
    if (error.status === 401) signOut("Your session has ended. Sign in again to go on.");
    else await conversation.ask(kind === "result" ? `What does my ${name} result mean?` : `What is ${name}?`);
  }
}

function signOut(reason) {
  api.useToken(null);
  conversation.leave();
  for (const id of ["chart-groups", "next-steps", "preventive-care", "account-name", "model-note"])
    byId(id).replaceChildren();
  for (const id of ["patient", "chart", "account"]) byId(id).hidden = true;
  byId("layout").classList.remove("signed-in");
  byId("sign-in").hidden = false;
  byId("source").close();
  byId("confirm").close();
  message(reason);
  byId("sign-in-title").focus();
}

function signInFailed(error) {
  api.useToken(null);
  message(error.status === 401 ? "This token is not valid here, or it has expired." : error.message);
}

function message(text) {
  byId("sign-in-message").textContent = text;
  byId("sign-in-message").hidden = text === "";
}
