"""The study coach: what a learner may say, and what is done about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

from plan import MINUTES_REVIEW, Learner, enough_minutes, study_plan
from progress import Goal, Progress
from questions import BLANK, Question, unmarked
from quiz import Distractors, Quiz

from llmagentos import Agent
from llmagentos.tools.retrieval import PassageIndex

MIN_COVERAGE = 0.6  # of a question's words that a sentence must have to answer it
ROUND = 5  # questions of a round unless another number is said
SHOWN_DAYS = 14  # of a plan

HELP = """Say one of these:
  plan 2030-06-01 20     a plan until the exam on that day, with 20 minutes a day
  today                  the questions of today: those to repeat, then new ones
  quiz, quiz cells 3     a round of questions, of one topic, and as many; quiz notes: those made from your notes
  topics, progress       what there is, and how you stand
  What is ...?           what your notes say about it, with the place
While a question is open: your answer, or hint, skip, stop. Say exit to leave."""

# What people say in place of the commands, and the command it is.
_IN_OTHER_WORDS = tuple(
    (re.compile(rf"(?:{pattern})[\s.!?]*", re.IGNORECASE), said)
    for pattern, said in (
        (r"(?:hi|hello|hey|start|what can you do|stop|next)", "help"),
        (r"(?:please )?(?:quiz|test|ask)(?: me| us)(?: on| about| in)?((?: [\w ]+?)?)", r"quiz\1"),
        (r"quiz (?:on|about|in) ([\w ]+?)", r"quiz \1"),
        (r"(?:please )?(?:make|give)(?: me| us)? an?(?: study)? plan((?: .+?)?)", r"plan\1"),
        (r"how (?:am i doing|well am i doing|do i stand)|(?:my |show (?:me )?my )progress", "progress"),
        (
            r"i (?:want|would like) to (?:learn|know)(?: something)?(?: about)? (.+?)|(?:tell|teach) me about (.+?)",
            r"\1\2",
        ),
        (r"(?:what|which) topics (?:are there|do you have)|what can i (?:learn|study)", "topics"),
    )
)
_NO_IDEA = re.compile(r"(i )?(do not|don't|dont) know|idk|no idea|pass|\?+")


class Tutor(Agent):
    """Plans, asks, grades and looks things up. What it says rests on the bank, the notes and what was answered.

    Args:
        notes: sentences that questions of the learner are answered with.
        today: tells the day.
        distractors: as for `Quiz`.
        sensor: as for `Agent`.
    """

    def __init__(
        self,
        questions: Sequence[Question],
        notes: PassageIndex,
        progress: Progress,
        *,
        distractors: Distractors = lambda _, terms: terms,
        today: Callable[[], date] = date.today,
        sensor: Any = None,
    ) -> None:
        super().__init__(sensor=sensor)
        self._questions, self._notes, self.progress = list(questions), notes, progress
        self._distractors, self._today = distractors, today
        self._quiz: Quiz | None = None
        self._commands: dict[str, Callable[[str], str]] = {
            "help": lambda _: HELP,
            "plan": self._plan,
            "today": self._round_of_today,
            "quiz": self._round,
            "topics": self._topics,
            "progress": self._standing,
        }

    def act(self, observation: Any) -> dict[str, str]:
        """Answers one line."""
        return {"text": self.reply(observation["text"].strip())}

    def reply(self, text: str) -> str:
        """What the coach says to a line of the learner."""
        if not text:
            return HELP if self._quiz is None else self._quiz.shown()
        if self._quiz is not None:
            return self._in_quiz(self._quiz, text)
        said = next((said for pattern, said in _IN_OTHER_WORDS if (match := pattern.fullmatch(text))), None)
        meant = match.expand(said) if said is not None and match else text
        word, _, rest = meant.partition(" ")
        command = self._commands.get(word.lower())
        return self._look_up(meant) if command is None else command(rest.strip())

    def _in_quiz(self, quiz: Quiz, text: str) -> str:
        said = text.lower()
        if said == "help":
            return f"{HELP}\n\n{quiz.shown()}"
        if said == "hint":
            return quiz.hint()
        if said == "stop":
            self._quiz = None
            return quiz.summary()
        if text.endswith("?"):
            return f"Let us finish the question first (or say stop).\n\n{quiz.shown()}"
        skips = said == "skip" or _NO_IDEA.fullmatch(said) is not None
        told = quiz.skip(self._today()) if skips else quiz.answer(text, self._today())
        if quiz.current is not None:
            return f"{told}\n\n{quiz.shown()}"
        self._quiz = None
        return f"{told}\n\n{quiz.summary()}"

    def _plan(self, text: str) -> str:
        if (span := re.fullmatch(r"(?:for |of )?(\d{1,3}) (day|week)s?(?:\D+(\d{1,3})\D*)?", text)) is not None:
            days = int(span[1]) * (7 if span[2] == "week" else 1)
            text = f"{self._today() + timedelta(days=days)} {span[3] or 20}"
        said = re.fullmatch(r"(\d{4}-\d{2}-\d{2})(?:\s+(\d{1,3}))?", text)
        if text and said is None:
            return f"I cannot read {text!r}: say the day of the exam and minutes a day, as in: plan 2030-06-01 20"
        if said is not None:
            try:
                goal = Goal(date.fromisoformat(said[1]), int(said[2] or 20))
            except ValueError:
                return f"There is no day {said[1]}."
            if goal.exam <= self._today() or goal.minutes < 1:
                return f"The exam must be after today ({self._today()}), with at least a minute of study a day."
            self.progress.set_goal(goal)
        current = self.progress.goal()
        if current is None:
            return "Say the day of the exam and minutes a day, as in: plan 2030-06-01 20"
        return self._told_plan(current)

    def _told_plan(self, goal: Goal) -> str:
        learner = self._learner()
        days, left = study_plan(self._questions, learner, goal, self._today())
        lines = [f"Until the exam on {goal.exam:%d %B %Y}, {goal.minutes} minutes a day at most:"]
        lines += [f"  {day}" for day in days[:SHOWN_DAYS]]
        if len(days) > SHOWN_DAYS:
            lines.append(f"  and {len(days) - SHOWN_DAYS} more days; the plan follows how you answer")
        if left:
            enough = enough_minutes(self._questions, learner, goal, self._today())
            advice = f"{enough} minutes a day would be enough" if enough else "the time is too short for all"
            lines.append(f"There is no time for {len(left)} of {len(self._questions)} questions: {advice}.")
        return "\n".join(lines)

    def _round_of_today(self, _: str) -> str:
        goal = self.progress.goal()
        if goal is None or goal.exam <= self._today():
            return "There is no plan yet, or its exam is over. Say for example: plan 2030-06-01 20"
        day = study_plan(self._questions, self._learner(), goal, self._today())[0][0]
        return self._begin([*day.reviews, *day.new], "Nothing more is to be done today.")

    def _round(self, text: str) -> str:
        said = re.fullmatch(r"(.*?)\s*(\d*)", text)
        topic, number = (said[1].lower(), int(said[2] or ROUND)) if said else ("", ROUND)
        chosen = [q for q in self._questions if (BLANK in q.prompt if topic == "notes" else topic in q.topic.lower())]
        if not chosen:
            return f"There is no topic {topic!r}.\n{self._topics('')}"
        memories = self.progress.memories()
        # Due ones first, then those never asked; what is not due comes last.
        today = self._today()
        chosen.sort(
            key=lambda q: (memories[q.id].due > today, memories[q.id].due) if q.id in memories else (False, today)
        )
        return self._begin(chosen[:number], "A round has at least one question.")

    def _begin(self, questions: list[Question], otherwise: str) -> str:
        if not questions:
            return otherwise
        terms = {question.answers[0]: question.topic for question in self._questions if question.answers}
        self._quiz = Quiz(questions, self.progress, terms, self._distractors)
        return self._quiz.shown()

    def _topics(self, _: str) -> str:
        counted = dict.fromkeys(question.topic for question in self._questions)
        numbers = {topic: sum(question.topic == topic for question in self._questions) for topic in counted}
        return "\n".join(f"{topic}: {number} questions" for topic, number in numbers.items())

    def _standing(self, _: str) -> str:
        learner, today = self._learner(), self._today()
        lines = []
        for topic in dict.fromkeys(question.topic for question in self._questions):
            own = [question for question in self._questions if question.topic == topic]
            asked = [learner.memories[question.id] for question in own if question.id in learner.memories]
            strength = learner.strength(topic, self._questions)
            right = "not asked yet" if strength is None else f"{strength:.0%} right at the last try"
            due = sum(memory.due <= today for memory in asked)
            lines.append(f"{topic}: {len(asked)} of {len(own)} asked, {right}, {due} due today")
        return "\n".join(lines)

    def _look_up(self, text: str) -> str:
        found = self._notes.search(text, limit=2, min_coverage=MIN_COVERAGE)
        if not found:
            return "The notes say nothing about that, so I do not know. (Say help for what I can do.)"
        return "\n".join(f"{unmarked(passage.text)} [{passage.source}:{passage.line}]" for passage in found)

    def _learner(self) -> Learner:
        scores = self.progress.scores()
        return Learner(self.progress.memories(), scores, self.progress.answered_on(self._today()) * MINUTES_REVIEW)
